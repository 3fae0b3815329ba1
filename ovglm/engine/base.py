"""What every engine promises."""

from collections.abc import Generator, Sequence
from typing import Protocol

from ovglm.messages import Chunk, Sampling

__all__ = ["Engine"]


class Engine(Protocol):
    """A loaded model on one device."""

    @property
    def device(self) -> str:
        """The device that really runs, such as CPU."""
        ...

    def generate(
        self, prompt_ids: Sequence[int], sampling: Sampling
    ) -> Generator[Chunk, None, None]:
        """Yield the answer's ids as they are made, without the stop id; the last chunk says why.

        Closing the iterator ends the generation.
        """
        ...
