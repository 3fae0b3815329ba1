"""A shard cut into runs: neighbouring tensors of the same part of the model. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ovglm_export.shard import TensorInfo
from ovglm_export.streaming.parts import Part

__all__ = ["Run", "find_runs"]


@dataclass(frozen=True)
class Run:
    """The bytes of a shard from `start` up to `stop`, and the tensors that lie there.

    A shard's header is a run of no tensor, and so is what no part is made of.
    """

    shard: str
    start: int
    stop: int
    tensors: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return its bytes."""
        return self.stop - self.start


def find_runs(
    parts: Sequence[Part], tensors: Mapping[str, TensorInfo], sizes: Mapping[str, int]
) -> dict[str, tuple[Run, ...]]:
    """Cut every shard into its runs, from its first byte to its last.

    sizes: bytes of every shard. Shards that no part is made of are left out.
    """
    users: dict[str, list[str]] = {name: [] for name in tensors}
    for part in parts:
        for name in part.tensors:
            users[name].append(part.name)
    shards = sorted({tensors[name].file.name for part in parts for name in part.tensors})
    return {shard: _cut(shard, sizes[shard], tensors, users) for shard in shards}


def _cut(
    shard: str, size: int, tensors: Mapping[str, TensorInfo], users: Mapping[str, list[str]]
) -> tuple[Run, ...]:
    """Cut one shard; its tensors fill it without a gap, as was checked when it was opened."""
    names = [name for name, info in tensors.items() if info.file.name == shard]
    names.sort(key=lambda name: tensors[name].offset)
    starts = [0, *(tensors[name].offset for name in names)]
    runs: list[Run] = []
    last: list[str] | None = None
    for name, start, stop in zip([None, *names], starts, [*starts[1:], size], strict=True):
        owners = users[name] if name else []
        held = (name,) if name and owners else ()
        if runs and owners == last:
            before = runs.pop()
            start, held = before.start, (*before.tensors, *held)
        runs.append(Run(shard, start, stop, held))
        last = owners
    return tuple(runs)
