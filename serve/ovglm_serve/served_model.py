"""A loaded model as the routes see it: its engine, and how to speak with it."""

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from ovglm.devices.facts import ModelFacts
from ovglm.dialects import Dialect, dialect_for
from ovglm.engine import Answer, Engine
from ovglm.engine.base import Counters, EngineInfo, Sink
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture, prompt_tokens
from ovglm.template import ChatTemplate
from ovglm.tokens import Tokenizer
from ovglm_serve.holds import hold
from ovglm_serve.metrics import Metrics, Stopwatch
from ovglm_serve.prompt_log import short_prompt

__all__ = ["LogPrompt", "MeteredAnswer", "MeteredEngine", "ServedModel", "Speech", "read_speech"]


@dataclass(frozen=True)
class Speech:
    """What turns messages into token ids and token ids into messages."""

    tokenizer: Tokenizer
    template: ChatTemplate
    dialect: Dialect


@dataclass(frozen=True)
class ServedModel:
    """A model that answers. `name` is what requests call it."""

    name: str
    facts: ModelFacts
    engine: Engine
    tokenizer: Tokenizer
    template: ChatTemplate
    dialect: Dialect


def read_speech(folder: Path, dialect: str) -> Speech:
    """Read the tokenizer and the template of an exported folder."""
    return Speech(Tokenizer.load(folder), ChatTemplate.load(folder), dialect_for(dialect))


class LogPrompt(Protocol):
    """Is told of every prompt, control tokens left in; only with --log-prompts."""

    def __call__(self, model: str, prompt: str) -> None: ...


class MeteredEngine:
    """An engine whose answers are counted and timed, and end with the request that asked."""

    def __init__(
        self,
        engine: Engine,
        speech: Speech,
        name: str,
        metrics: Metrics,
        log_prompt: LogPrompt | None = None,
    ) -> None:
        self._engine = engine
        self._tokenizer = speech.tokenizer
        self._name = name
        self._metrics = metrics
        self._log_prompt = log_prompt

    @property
    def info(self) -> EngineInfo:
        """What runs, where, and why there."""
        return self._engine.info

    @property
    def counters(self) -> Counters:
        """What the engine has done so far."""
        return self._engine.counters

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> "MeteredAnswer":
        """Start answering; the answer is cancelled when the request is over before it."""
        answer = self._engine.submit(prompt_ids, sampling, pictures)
        vision = self.info.vision
        if self._log_prompt:
            shown = short_prompt(prompt_ids, vision)
            self._log_prompt(self._name, self._tokenizer.decode(shown, skip_special=False))
        count = prompt_tokens(prompt_ids, pictures, vision)
        watch = self._metrics.start(self._name, count, sampling.n, pictures=len(pictures))
        metered = MeteredAnswer(answer, watch)
        hold(metered.leave)
        return metered

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


class MeteredAnswer:
    """An answer that is timed as it is read."""

    def __init__(self, answer: Answer, watch: Stopwatch) -> None:
        self._answer = answer
        self._watch = watch

    def __iter__(self) -> Iterator[Chunk]:
        """Yield chunks, waiting for each."""
        chunks = cast("Generator[Chunk, None, None]", iter(self._answer))
        with closing(chunks):
            try:
                for chunk in chunks:
                    self._watch.note(chunk)
                    yield chunk
            finally:
                self._watch.stop()

    async def __aiter__(self) -> AsyncGenerator[Chunk, None]:
        """Yield chunks without blocking the event loop."""
        chunks = cast("AsyncGenerator[Chunk, None]", aiter(self._answer))
        async with aclosing(chunks):
            try:
                async for chunk in chunks:
                    self._watch.note(chunk)
                    yield chunk
            finally:
                self._watch.stop()

    def forward(self, sink: Sink) -> None:
        """Hand all that comes to `sink`, in the thread that makes it; instead of iterating."""
        self._answer.forward(_MeteredSink(sink, self._watch))

    def cancel(self) -> None:
        """End the request soon."""
        self._answer.cancel()

    def leave(self) -> None:
        """Cancel what is not finished: nobody will read it."""
        if not self._watch.is_finished:
            self._answer.cancel()
        self._watch.stop()


class _MeteredSink:
    def __init__(self, sink: Sink, watch: Stopwatch) -> None:
        self._sink = sink
        self._watch = watch

    def put(self, item: Chunk | BaseException) -> None:
        if isinstance(item, Chunk):
            self._watch.note(item)
        else:
            self._watch.stop()
        self._sink.put(item)

    def flush(self) -> None:
        self._sink.flush()
