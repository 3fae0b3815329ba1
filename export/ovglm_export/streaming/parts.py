"""The parts of the model as a stream sees them: which tensors each needs, and what it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ovglm.weight_sizes import EMBEDDING, stored_bytes
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.native import part_names
from ovglm_export.plan import Plan
from ovglm_export.shard import FLOAT_TYPES

__all__ = ["Part", "find_parts", "needed_tensors"]

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


def _part_of(name: str) -> str:
    """Name the part that a tensor or matrix belongs to."""
    if name.startswith(_LAYERS):
        return f"layer_{int(name.removeprefix(_LAYERS).partition('.')[0]):03d}"
    return "embedding" if name.startswith(EMBEDDING) else "head"
