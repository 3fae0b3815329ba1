"""Which tensors a vision tower has, and the bytes they take; reads none.

Internal names: `vision.patch`, `vision.class_vector`, `vision.positions`, `vision.layers.N.…`,
`vision.final_norm` and `vision.adapter.…`; the exporter says where each lies in a checkpoint.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from ovglm.recipe import MatrixFormat
from ovglm.vision_facts import VisionWeights
from ovglm.weight_sizes import stored_bytes

__all__ = [
    "MERGED",
    "PREFIX",
    "TowerDimensions",
    "TowerShape",
    "count_tower_parameters",
    "tensor_names",
    "tensor_shape",
    "tower_matrices",
    "vision_bytes",
    "vision_formats",
]

PREFIX = "vision."
# Patches that the adapter's convolution merges into one, along each side.
MERGED = 2


class TowerDimensions(Protocol):
    """The numbers that decide how large a tower's tensors are.

    length: the vectors that its layers attend over. gate_size: width of the adapter's gated MLP.
    output_size: of a vector that the text model takes.
    """

    @property
    def patch_size(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def hidden_size(self) -> int: ...
    @property
    def intermediate_size(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def has_class_vector(self) -> bool: ...
    @property
    def has_final_norm(self) -> bool: ...
    @property
    def length(self) -> int: ...
    @property
    def gate_size(self) -> int: ...
    @property
    def output_size(self) -> int: ...


@dataclass(frozen=True)
class TowerShape:
    """The numbers of a tower that its sizes follow from; see `TowerDimensions`.

    image_size: of each side of a picture, in pixels.
    """

    image_size: int
    patch_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    gate_size: int
    output_size: int
    has_class_vector: bool
    has_final_norm: bool
    channels: int = 3

    @property
    def length(self) -> int:
        """Return the vectors that the layers attend over."""
        return (self.image_size // self.patch_size) ** 2 + self.has_class_vector

    @property
    def vectors(self) -> int:
        """Return the vectors of a picture: merged patches, a begin and an end."""
        return (self.image_size // self.patch_size // MERGED) ** 2 + 2


def tower_matrices(tower: TowerDimensions) -> dict[str, tuple[int, int]]:
    """Return the shapes [outputs, inputs] of all matrices, as the graph multiplies them."""
    hidden, inner, out = tower.hidden_size, tower.intermediate_size, tower.output_size
    layer = {
        "attention.qkv": (3 * hidden, hidden),
        "attention.out": (hidden, hidden),
        "mlp.fc1": (inner, hidden),
        "mlp.fc2": (hidden, inner),
    }
    adapter = {
        "conv": (out, MERGED**2 * hidden),
        "linear": (out, out),
        "gate_up": (2 * tower.gate_size, out),
        "down": (out, tower.gate_size),
    }
    return {
        "vision.patch": (hidden, tower.channels * tower.patch_size**2),
        **{
            f"vision.layers.{at}.{name}": shape
            for at in range(tower.layers)
            for name, shape in layer.items()
        },
        **{f"vision.adapter.{name}": shape for name, shape in adapter.items()},
    }


def vision_formats(tower: TowerDimensions, weights: VisionWeights) -> dict[str, MatrixFormat]:
    """Give every matrix its format.

    The patches' matrix stays as it is stored: the first of all, it is 0.2 % of GLM-Edge-V's tower.
    """
    kind = MatrixFormat("int8", symmetric=True) if weights == "int8" else MatrixFormat("float")
    formats = dict.fromkeys(tower_matrices(tower), kind)
    formats["vision.patch"] = MatrixFormat("float")
    return formats


def vision_bytes(tower: TowerDimensions, weights: VisionWeights) -> int:
    """Return the size of all matrices and of the positions as they are stored."""
    formats = vision_formats(tower, weights)
    shapes = tower_matrices(tower)
    matrices = sum(stored_bytes(shape, formats[name]) for name, shape in shapes.items())
    positions = 4 * tower.length * tower.hidden_size
    return matrices * (2 if weights == "f32" else 1) + positions


def count_tower_parameters(tower: TowerDimensions) -> int:
    """Count all weights of a checkpoint's tower that a graph takes."""
    return sum(math.prod(tensor_shape(tower, name)) for name in tensor_names(tower))


def tensor_names(tower: TowerDimensions) -> list[str]:
    """List the internal names of all tensors."""
    names = [f"vision.patch.{kind}" for kind in ("weight", "bias")]
    names += ["vision.class_vector"] if tower.has_class_vector else []
    names += ["vision.positions.weight"]
    pieces = ("attention.q", "attention.k", "attention.v", "attention.out", "mlp.fc1", "mlp.fc2")
    for at in range(tower.layers):
        for piece in ("norm1", "norm2", *pieces):
            names += [f"vision.layers.{at}.{piece}.{kind}" for kind in ("weight", "bias")]
    norms = ["vision.final_norm"] if tower.has_final_norm else []
    for name in (*norms, "vision.adapter.norm", "vision.adapter.conv"):
        names += [f"{name}.{kind}" for kind in ("weight", "bias")]
    names += [f"vision.adapter.{name}.weight" for name in ("linear", "up", "gate", "down")]
    return [*names, "vision.adapter.begin", "vision.adapter.end"]


def tensor_shape(tower: TowerDimensions, name: str) -> tuple[int, ...]:
    """Return the shape of an internal tensor: matrices as [outputs, inputs]."""
    hidden, inner, out = tower.hidden_size, tower.intermediate_size, tower.output_size
    patch, shapes = tower.patch_size, {}
    shapes |= {
        "patch": (hidden, tower.channels, patch, patch),
        "positions": (tower.length, hidden),
        "fc1": (inner, hidden),
        "fc2": (hidden, inner),
        "adapter.conv": (out, hidden, MERGED, MERGED),
        "adapter.linear": (out, out),
        "adapter.up": (tower.gate_size, out),
        "adapter.gate": (tower.gate_size, out),
        "adapter.down": (out, tower.gate_size),
        "adapter.norm": (out,),
    }
    shapes |= dict.fromkeys(("q", "k", "v", "out"), (hidden, hidden))
    if name in ("vision.adapter.begin", "vision.adapter.end"):
        return (out,)
    module, _, kind = name.removeprefix(PREFIX).rpartition(".")
    last = module if module.startswith("adapter.") else module.rpartition(".")[2]
    shape = shapes.get(last, (hidden,))
    return shape[:1] if kind == "bias" else shape
