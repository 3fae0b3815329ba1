"""Which shard comes next, which parts it lets be made, and the disk it takes. Pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ovglm.weight_sizes import EMBEDDING, stored_bytes
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.native import part_names
from ovglm_export.plan import Plan
from ovglm_export.shard import FLOAT_TYPES, TensorInfo, tensor_bytes

__all__ = ["Part", "find_parts", "most_bytes", "needed_tensors", "next_shard", "ready_part"]

_LAYERS = "model.layers."


@dataclass(frozen=True)
class Part:
    """A part of the model, the checkpoint's tensors it is made of, and its matrices' bytes."""

    name: str
    tensors: frozenset[str]
    size_bytes: int


def find_parts(checkpoint: Checkpoint, plan: Plan) -> tuple[Part, ...]:
    """List the parts in the order of the graph."""
    names = part_names(checkpoint.architecture.layers)
    tensors: dict[str, set[str]] = {name: set() for name in names}
    sizes = dict.fromkeys(names, 0)
    for name, place in checkpoint.places.items():
        tensors[_part_of(name)].add(place.name)
    float_bytes = np.dtype(FLOAT_TYPES[checkpoint.dtype]).itemsize
    for name, wanted in plan.formats.items():
        is_float, shape = wanted.kind == "float", plan.shapes[name]
        sizes[_part_of(name)] += (
            prod(shape) * float_bytes if is_float else stored_bytes(shape, wanted)
        )
    return tuple(Part(name, frozenset(tensors[name]), sizes[name]) for name in names)


def needed_tensors(left: Sequence[Part]) -> set[str]:
    """Return all tensors that parts which are not made yet are made of."""
    return {name for part in left for name in part.tensors}


def ready_part(left: Sequence[Part], here: Collection[str]) -> Part | None:
    """Find a part whose tensors are all here: the largest first, as long as the spool is small."""
    ready = [part for part in left if part.tensors <= set(here)]
    return max(ready, key=lambda part: part.size_bytes, default=None)


def next_shard(
    left: Sequence[Part], here: Collection[str], tensors: Mapping[str, TensorInfo]
) -> str:
    """Choose the shard to fetch when no part is ready.

    It belongs to the part of which most bytes wait on the disk already, else to the first part of
    the graph. The choice depends on nothing but what is left to do, so an export that was killed
    goes on with the same shard.
    """

    def waiting(part: Part) -> int:
        return sum(tensor_bytes(tensors[name]) for name in part.tensors & set(here))

    part = max(left, key=waiting)
    return min(tensors[name].file.name for name in part.tensors - set(here))


def most_bytes(
    parts: Sequence[Part], tensors: Mapping[str, TensorInfo], sizes: Mapping[str, int]
) -> int:
    """Return the most disk that spool, shards and the joined file take together, in bytes.

    sizes: bytes of every shard. While a part is saved, its tables may lie on the disk a second
    time; while the parts are joined, one of them does.
    """
    left, kept = list(parts), set[str]()
    most = spooled = 0
    while left:
        shard = next_shard(left, kept, tensors)
        # What was kept of other shards goes when all of it was used.
        held = sizes[shard] + sum(tensor_bytes(tensors[name]) for name in kept)
        here = kept | {name for name, info in tensors.items() if info.file.name == shard}
        while part := ready_part(left, here):
            left.remove(part)
            most = max(most, held + spooled + 2 * part.size_bytes)
            spooled += part.size_bytes
        kept = here & needed_tensors(left)
        # The rest of a shard is copied before the shard goes.
        rest = sum(tensor_bytes(tensors[one]) for one in kept if tensors[one].file.name == shard)
        most = max(most, held + spooled + rest)
    return max(most, spooled + max(part.size_bytes for part in parts))


def _part_of(name: str) -> str:
    """Name the part that a tensor or matrix belongs to."""
    if name.startswith(_LAYERS):
        return f"layer_{int(name.removeprefix(_LAYERS).partition('.')[0]):03d}"
    return "embedding" if name.startswith(EMBEDDING) else "head"
