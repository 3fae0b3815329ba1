"""The models that are served: loaded when they are first asked for, unloaded when room is needed.

All of it runs in the event loop's thread; what blocks is done in others.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic

from ovglm.devices.device import Device
from ovglm.devices.placement import Placement
from ovglm.errors import OvglmError
from ovglm_serve.holds import hold
from ovglm_serve.memory import free_bytes, shares_memory
from ovglm_serve.metrics import Metrics, ModelReading
from ovglm_serve.model_source import ModelSource
from ovglm_serve.pool_entry import Entry, ModelState, ModelStatus
from ovglm_serve.pool_errors import ModelDown, UnknownModel
from ovglm_serve.prompt_log import log_prompt
from ovglm_serve.served_model import ServedModel, Speech
from ovglm_serve.settings import Settings

__all__ = ["ModelDown", "ModelPool", "ModelState", "ModelStatus", "UnknownModel"]

FreeBytes = Callable[[Device, Iterable[Placement]], int | None]
# A model that could not be loaded is not tried again at once: a load may take minutes of CPU.
_RETRY_S = 10.0
_SHORTEST_LOOK_S = 0.02
_LONGEST_LOOK_S = 5.0


class ModelPool:
    """Names to models. The first is the one that is loaded at the start."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = monotonic,
        free: FreeBytes = free_bytes,
    ) -> None:
        """free: what is left on a device beside placed models, in bytes; None where unknown."""
        self._settings = settings or Settings()
        self._clock = clock
        self._free = free
        self._log_prompt = log_prompt if self._settings.log_prompts else None
        self.metrics = Metrics(self._read_models)
        self._entries: dict[str, Entry] = {}
        for source in sources:
            if source.name in self._entries:
                raise OvglmError(
                    f"two models are called {source.name}, and requests name one",
                    hint="give one of the folders another name",
                )
            self._entries[source.name] = Entry(source, self._settings.max_queue, clock)
        # loads come one after the other: two at once would both count on the same free memory
        self._changing = asyncio.Lock()
        self._is_closed = False
        self.first_load: asyncio.Task[ServedModel] | None = None

    @classmethod
    def of(cls, *served: ServedModel, settings: Settings | None = None) -> "ModelPool":
        """Make a pool of models whose engines are there already."""
        pool = cls([_given(one) for one in served], settings)
        for one in served:
            pool._entries[one.name].adopt(one, pool.metrics, pool._log_prompt)
        return pool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models; the first is the one that is loaded at the start."""
        return tuple(self._entries)

    @property
    def state(self) -> ModelState:
        """The state of the server: that of the model which is closest to answering.

        A model that is not loaded counts as ready, once the first one was: it loads on demand.
        """
        states = {entry.state for entry in self._entries.values()}
        if "ready" in states or ("unloaded" in states and not self._is_starting):
            return "ready"
        if "loading" in states or self._is_starting:
            return "loading"
        return "restarting" if "restarting" in states else "down"

    def status(self, name: str) -> ModelStatus:
        """Tell of one model without loading it. Raises UnknownModel."""
        return self._find(name).status()

    def list(self) -> tuple[ModelStatus, ...]:
        """Tell of all models without loading any."""
        return tuple(entry.status() for entry in self._entries.values())

    async def get(self, name: str) -> ServedModel:
        """Give a model that can be asked; load it first where needed.

        It stays loaded until the request under way is over (see holds.py), and counts that request.
        Raises UnknownModel, QueueFull where too many requests are open, ModelDown with the reason.
        """
        entry = self._find(name)
        if self._is_closed:
            raise ModelDown(name, "the server is stopping")
        leave = entry.enter()
        if not hold(leave):
            leave()
        if entry.state == "down":
            await self._mend(entry)
        return entry.served or await self._load(entry)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Load the first model in the background, look after the others, unload all at the end."""
        first = next(iter(self._entries.values()))
        if not first.is_loaded:
            self.first_load = asyncio.create_task(self._load(first))
            self.first_load.add_done_callback(_ignore_outcome)
        looking = asyncio.create_task(self._look_after())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            await self.close()

    async def wait_until_started(self) -> None:
        """Return when the first model is loaded; raise ModelDown where it cannot be."""
        if self.first_load is not None:
            await asyncio.shield(self.first_load)

    async def unload_unused(self) -> None:
        """Unload the models that nobody has used for as long as --keep-alive says."""
        keep_alive_s = self._settings.keep_alive_s
        if keep_alive_s is None:
            return
        async with self._changing:
            for entry in self._entries.values():
                # asked anew for each: requests come while another model is being unloaded
                if entry.is_idle and self._clock() - entry.last_used >= keep_alive_s:
                    await entry.unload()

    async def close(self) -> None:
        """Unload all models; later requests are refused. May be repeated."""
        self._is_closed = True
        entries = self._entries.values()
        loads = [one.loading for one in entries if one.loading is not None]
        await asyncio.gather(*(one.close() for one in entries))
        await asyncio.gather(*loads, return_exceptions=True)

    @property
    def _is_starting(self) -> bool:
        return self.first_load is not None and not self.first_load.done()

    def _find(self, name: str) -> Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise UnknownModel(name, self.names)
        return entry

    async def _load(self, entry: Entry) -> ServedModel:
        """Load once, however many requests ask for it; a request that leaves does not end it."""
        if entry.loading is None:
            entry.loading = asyncio.create_task(self._bring_up(entry))
            entry.loading.add_done_callback(_ignore_outcome)
        return await asyncio.shield(entry.loading)

    async def _bring_up(self, entry: Entry) -> ServedModel:
        try:
            async with self._changing:
                if self._is_closed:
                    raise ModelDown(entry.name, "the server is stopping")
                await self._make_room(entry)
                return await entry.load(self.metrics, self._log_prompt)
        finally:
            entry.loading = None

    async def _mend(self, entry: Entry) -> None:
        """Clear away what is down, so that it is loaded anew; not too often."""
        entry.note_down()
        if self._clock() - entry.down_since < _RETRY_S:
            raise ModelDown(entry.name, entry.why, entry.hint)
        if entry.loading is None:
            async with self._changing:
                if entry.state == "down":
                    await entry.unload()

    async def _make_room(self, entry: Entry) -> None:
        """Unload the least recently used models until this one fits, or none is left to unload.

        Then the load goes on: it takes a smaller context, or it refuses with the figures.
        """
        placement = entry.source.placement
        if placement is None:
            return
        while True:
            loaded = [one.source.placement for one in self._entries.values() if one.is_loaded]
            free = self._free(placement.device, [one for one in loaded if one])
            if free is None or placement.need.total <= free:
                return
            idle = [one for one in self._entries.values() if one.is_idle]
            idle = [one for one in idle if _is_beside(one.source.placement, placement)]
            if not idle:
                return
            await min(idle, key=lambda one: one.last_used).unload()

    async def _look_after(self) -> None:
        keep_alive_s = self._settings.keep_alive_s
        if keep_alive_s is None:
            return
        while True:
            await asyncio.sleep(min(_LONGEST_LOOK_S, max(_SHORTEST_LOOK_S, keep_alive_s / 10)))
            await self.unload_unused()

    def _read_models(self) -> Sequence[ModelReading]:
        return [entry.reading() for entry in self._entries.values()]


def _is_beside(one: Placement | None, other: Placement) -> bool:
    return one is not None and shares_memory(one.device, other.device)


def _given(served: ServedModel) -> ModelSource:
    speech = Speech(served.tokenizer, served.template, served.dialect)
    return ModelSource(served.name, served.facts, lambda: served.engine, lambda: speech)


def _ignore_outcome(task: "asyncio.Task[ServedModel]") -> None:
    """Keep asyncio from reporting an error that those who wait for the model get anyway."""
    if not task.cancelled():
        task.exception()
