"""Which shard comes next, which parts it lets be made, and the disk it takes. Pure functions."""

from collections.abc import Collection, Mapping, Sequence

from ovglm_export.shard import TensorInfo, tensor_bytes
from ovglm_export.streaming.parts import Part, needed_tensors
from ovglm_export.streaming.runs import Run

__all__ = ["most_bytes", "next_shard", "next_stop", "ready_part"]

# A kill costs what came since the last stop: a layer, or this much of a larger part.
_STRETCH_BYTES = 512 << 20


def ready_part(left: Sequence[Part], here: Collection[str]) -> Part | None:
    """Find a part whose tensors are all here: the largest first, as long as the spool is small."""
    held = frozenset(here)
    ready = [part for part in left if part.tensors <= held]
    return max(ready, key=lambda part: part.size_bytes, default=None)


def next_shard(
    left: Sequence[Part], here: Collection[str], tensors: Mapping[str, TensorInfo]
) -> str:
    """Choose the shard to fetch when no part is ready.

    It belongs to the largest part, which is best made while the spool is small; of equal ones to
    that of which most bytes wait on the disk already, else to the first of the graph. The choice
    depends on nothing but what is left to do, so an export that was killed goes on with the same.
    """

    def rank(part: Part) -> tuple[int, int]:
        waiting = sum(tensor_bytes(tensors[name]) for name in part.tensors & set(here))
        return part.size_bytes, waiting

    part = max(left, key=rank)
    return min(tensors[name].file.name for name in part.tensors - set(here))


def next_stop(runs: Sequence[Run], at: int, left: Sequence[Part], here: Collection[str]) -> int:
    """Return the byte of a shard up to which it is fetched in one go from byte `at`.

    That is where a part can be made, or after 512 MiB, or the shard's end.
    """
    held, stop = set(here), at
    for run in runs:
        if run.stop <= at:
            continue
        stop = run.stop
        held.update(run.tensors)
        if stop - at >= _STRETCH_BYTES:
            return at + _STRETCH_BYTES
        if ready_part(left, held):
            return stop
    return stop


def most_bytes(
    parts: Sequence[Part],
    tensors: Mapping[str, TensorInfo],
    shards: Mapping[str, Sequence[Run]],
) -> int:
    """Return the most disk that spool, waiting runs and the joined file take together, in bytes.

    shards: the runs of each. While a part is saved, its tables may lie on the disk a second time;
    while the parts are joined, one of them does.
    """
    left, waiting = list(parts), dict[Run, None]()
    most = spooled = 0
    while left:
        here = {name for run in waiting for name in run.tensors}
        for run in shards[next_shard(left, here, tensors)]:
            if not needed_tensors(left) & set(run.tensors) - here:
                continue
            waiting[run] = None
            here.update(run.tensors)
            most = max(most, sum(one.size for one in waiting) + spooled)
            while part := ready_part(left, here):
                held = sum(one.size for one in waiting)
                most = max(most, held + spooled + 2 * part.size_bytes)
                left.remove(part)
                spooled += part.size_bytes
                needed = needed_tensors(left)
                waiting = {one: None for one in waiting if needed & set(one.tensors)}
                here = {name for one in waiting for name in one.tensors}
    return max(most, spooled + max(part.size_bytes for part in parts))
