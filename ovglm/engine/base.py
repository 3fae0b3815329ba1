"""What every engine promises."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts

__all__ = ["Answer", "Counters", "Engine", "EngineInfo", "Sink"]


@dataclass(frozen=True)
class EngineInfo:
    """What runs, where, and why there.

    kind: paged serves many prompts at once, static one after the other, vision too, with pictures.
    context: the longest prompt and answer together, max_prompt: the longest prompt, in tokens.
    load_s: seconds from the call to the end of the warm-up. cache: where the compiled model came
    from, `off`, `cold` (compiled and stored) or `warm` (read back). vision: the pictures that it
    takes, None for models of text; vision_device: what turns them into vectors, "" for those.
    """

    model: str
    folder: str
    kind: Literal["paged", "static", "vision"]
    device: str
    device_name: str
    reason: str
    context: int
    max_prompt: int
    load_s: float
    is_emulated: bool = False
    cache: Literal["off", "cold", "warm"] = "off"
    properties: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    vision: VisionFacts | None = None
    vision_device: str = ""


@dataclass(frozen=True)
class Counters:
    """What an engine has done since it was loaded; `cache_usage` is the KV cache's share in use."""

    submitted: int = 0
    finished: int = 0
    cancelled: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    cache_usage: float = 0.0
    cache_bytes: int = 0


class Answer(Protocol):
    """One request under way: iterate it, in a thread or in a coroutine, for its chunks.

    Each of the `n` answers ends with a chunk that has a finish reason; the iteration ends with
    the last of them, or raises OvglmError where this request failed.
    """

    def __iter__(self) -> Iterator[Chunk]: ...

    def __aiter__(self) -> AsyncIterator[Chunk]: ...

    def forward(self, sink: "Sink") -> None:
        """Hand all that comes to `sink`, in the thread that makes it; instead of iterating."""
        ...

    def cancel(self) -> None:
        """End the request soon; its answers end with the reason `cancelled`. May be repeated."""
        ...


class Sink(Protocol):
    """Takes an answer's chunks as they are made, or the error that ends it."""

    def put(self, item: Chunk | BaseException) -> None:
        """Take the next one; return soon, as the engine waits."""
        ...

    def flush(self) -> None:
        """Note that the engine has no more to give at the moment."""
        ...


class Engine(Protocol):
    """A loaded model on one device."""

    @property
    def info(self) -> EngineInfo:
        """What runs, where, and why there."""
        ...

    @property
    def counters(self) -> Counters:
        """What it has done so far."""
        ...

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> Answer:
        """Start answering; return at once.

        pictures: those whose placeholders the prompt holds, in the same order.
        Raises OvglmError for what can be refused before anything runs: an empty or too long
        prompt, ids outside the vocabulary, sampling that this engine lacks, a full queue,
        pictures for a model of text, or another number of them than of placeholders.
        """
        ...

    def close(self) -> None:
        """End all requests and free the model. May be repeated."""
        ...
