"""One model as the server was given it: what it is, where it will run, and how it is started."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ovglm.devices.facts import ModelFacts
from ovglm.devices.placement import Placement
from ovglm.engine import Engine
from ovglm_serve.served_model import Speech

__all__ = ["ModelSource", "Supervised"]


@runtime_checkable
class Supervised(Protocol):
    """What an engine in a worker process has beside an engine's own."""

    @property
    def state(self) -> str:
        """`loading`, `restarting`, `ready` or `down`."""
        ...

    @property
    def why(self) -> str:
        """Why it is restarting or down."""
        ...

    def wait_until_loaded(self) -> None:
        """Return when requests run; raise OvglmError where they never will."""
        ...


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded, again and again.

    placement: where it will run as far as is known before it is loaded, and the memory it needs.
    start: begins to load. read_speech: reads its tokenizer and its template. Both may block.
    """

    name: str
    facts: ModelFacts
    start: Callable[[], Engine]
    read_speech: Callable[[], Speech]
    placement: Placement | None = None
