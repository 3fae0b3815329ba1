"""One model of the pool: its state, its engine while it is loaded, and the requests it has."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from ovglm.devices.facts import ModelFacts
from ovglm.devices.placement import Placement
from ovglm.engine import Engine
from ovglm.engine.base import EngineInfo
from ovglm.engine.limits import QUEUE_LENGTH
from ovglm.errors import OvglmError
from ovglm_serve.limits import Gate
from ovglm_serve.metrics import Metrics, ModelReading
from ovglm_serve.model_source import ModelSource, Supervised
from ovglm_serve.pool_errors import ModelDown
from ovglm_serve.served_model import LogPrompt, MeteredEngine, ServedModel, Speech

__all__ = ["Entry", "ModelState", "ModelStatus"]

ModelState = Literal["unloaded", "loading", "ready", "restarting", "down"]


@dataclass(frozen=True)
class ModelStatus:
    """What can be told of a model at any time.

    why: the reason of `restarting` and `down`. placement: where it will run, before it is loaded;
    info: where it runs, while it is loaded. open: the requests that it has.
    """

    name: str
    state: ModelState
    why: str
    facts: ModelFacts
    placement: Placement | None
    info: EngineInfo | None
    open: int

    @property
    def device(self) -> str | None:
        """The device that it runs or will run on, where that is known."""
        if self.info:
            return self.info.device
        return self.placement.device.id if self.placement else None

    @property
    def context(self) -> int:
        """The longest prompt and answer together, in tokens."""
        if self.info:
            return self.info.context
        return self.placement.context if self.placement else self.facts.context_length


class Entry:
    """Changed by the pool only, in the event loop's thread."""

    def __init__(self, source: ModelSource, max_queue: int, clock: Callable[[], float]) -> None:
        is_alone = source.placement is not None and source.placement.engine != "paged"
        limit = min(max_queue, QUEUE_LENGTH) if is_alone else max_queue
        self.source = source
        self.name = source.name
        self.gate = Gate(source.name, limit, clock)
        self.served: ServedModel | None = None
        self.loading: asyncio.Task[ServedModel] | None = None
        self.last_used = clock()
        self.down_since = float("-inf")
        self.hint: str | None = None
        self._why = ""
        self._is_closed = False
        self._clock = clock
        self._engine: Engine | None = None
        self._speech: Speech | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether it takes memory and can be unloaded."""
        return self.served is not None

    @property
    def is_idle(self) -> bool:
        """Whether it could be unloaded without ending a request."""
        return self.is_loaded and not self.gate.open

    @property
    def state(self) -> ModelState:
        """Where it stands now."""
        if self.loading is not None:
            return "loading"
        if self._engine is None:
            return "down" if self._why else "unloaded"
        if isinstance(self._engine, Supervised):
            return cast(ModelState, self._engine.state)
        return "ready"

    @property
    def why(self) -> str:
        """Why it is restarting or down."""
        if isinstance(self._engine, Supervised) and self._engine.why:
            return self._engine.why
        return self._why

    def status(self) -> ModelStatus:
        """Tell what can be told at any time; never waits."""
        info = self._engine.info if self._engine and self.served else None
        source = self.source
        return ModelStatus(
            self.name, self.state, self.why, source.facts, source.placement, info, self.gate.open
        )

    def reading(self) -> ModelReading:
        """Give the figures of now."""
        counters = self._engine.counters if self._engine else None
        return ModelReading(self.name, self.state, self.gate.open, counters)

    def enter(self) -> Callable[[], None]:
        """Let a request in, or raise QueueFull; return what is called at its end."""
        leave = self.gate.enter()
        self.last_used = self._clock()

        def end() -> None:
            leave()
            self.last_used = self._clock()

        return end

    def note_down(self) -> None:
        """Remember since when the worker is down, once it is seen."""
        if self._engine is not None and not self._why:
            self._why, self.down_since = self.why, self._clock()

    async def load(self, metrics: Metrics, log_prompt: LogPrompt | None) -> ServedModel:
        """Start the engine and wait for it; raise ModelDown with the reason where it fails."""
        try:
            self._speech = self._speech or await asyncio.to_thread(self.source.read_speech)
            self._engine = await asyncio.to_thread(self.source.start)
            self._check_open()
            if isinstance(self._engine, Supervised):
                await asyncio.to_thread(self._engine.wait_until_loaded)
        except OvglmError as error:
            await self.unload()
            self._why, self.hint, self.down_since = error.message, error.hint, self._clock()
            raise ModelDown(self.name, error.message, error.hint) from error
        self._why, self.hint, self.last_used = "", None, self._clock()
        return self._serve(self._engine, self._speech, metrics, log_prompt)

    def adopt(self, served: ServedModel, metrics: Metrics, log_prompt: LogPrompt | None) -> None:
        """Take a model that is loaded already."""
        self._engine = served.engine
        self._speech = Speech(served.tokenizer, served.template, served.dialect)
        self._serve(self._engine, self._speech, metrics, log_prompt)

    async def unload(self) -> None:
        """Free the model; what it was asked until now ends with an error."""
        engine, self._engine, self.served = self._engine, None, None
        self._why, self.hint = "", None
        if engine is not None:
            await asyncio.to_thread(engine.close)

    async def close(self) -> None:
        """Free the model for good; a load that is under way fails."""
        self._is_closed = True
        await self.unload()

    def _check_open(self) -> None:
        if self._is_closed:
            raise OvglmError("the server is stopping")

    def _serve(
        self, engine: Engine, speech: Speech, metrics: Metrics, log_prompt: LogPrompt | None
    ) -> ServedModel:
        self.served = ServedModel(
            name=self.name,
            facts=self.source.facts,
            engine=MeteredEngine(engine, speech, self.name, metrics, log_prompt),
            tokenizer=speech.tokenizer,
            template=speech.template,
            dialect=speech.dialect,
        )
        return self.served
