"""The numbers that a vision tower is built from, and the shapes of its tensors. Reads no file.

Internal names: `vision.patch`, `vision.class_vector`, `vision.positions`, `vision.layers.N.…`,
`vision.final_norm` and `vision.adapter.…`; a family says where each lies in a checkpoint.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ovglm.recipe import MatrixFormat
from ovglm.vision_facts import Placement, Positions, Tower, VisionWeights
from ovglm.weight_sizes import stored_bytes

__all__ = [
    "PREFIX",
    "Activation",
    "VisionArchitecture",
    "is_same_shape",
    "tensor_names",
    "tensor_shape",
    "vision_bytes",
    "vision_formats",
]

PREFIX = "vision."
Activation = Literal["ERF", "TANH"]
# Patches that the adapter's convolution merges into one, along each side.
MERGED = 2


@dataclass(frozen=True)
class VisionArchitecture:
    """One vision tower and its adapter.

    activation: the form of GELU in its layers. norm_first: a block's norm is in front of it, else
    behind it. has_class_vector: a learned vector in front of the patches, dropped behind the
    layers. has_final_norm: behind the last layer. gate_size: width of the adapter's gated MLP.
    output_size: of a vector that the text model takes. divisor: of all these vectors.
    begin_id, end_id: the tokens of a picture's begin and end. placement, positions: where the
    vectors go, see VisionFacts.
    """

    tower: Tower
    image_size: int
    patch_size: int
    channels: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    norm_eps: float
    activation: Activation
    norm_first: bool
    has_class_vector: bool
    has_final_norm: bool
    adapter_norm_eps: float
    gate_size: int
    output_size: int
    divisor: float
    begin_id: int
    end_id: int
    placement: Placement
    positions: Positions

    @property
    def grid(self) -> int:
        """Return the patches along each side; what is left of the picture counts nothing."""
        return self.image_size // self.patch_size

    @property
    def patches(self) -> int:
        """Return the patches of a picture."""
        return self.grid**2

    @property
    def length(self) -> int:
        """Return the vectors that the layers attend over."""
        return self.patches + self.has_class_vector

    @property
    def merged_grid(self) -> int:
        """Return the patches along each side behind the adapter's convolution."""
        return self.grid // MERGED

    @property
    def vectors(self) -> int:
        """Return the vectors of a picture: merged patches, a begin and an end."""
        return self.merged_grid**2 + 2

    @property
    def patch_width(self) -> int:
        """Return the numbers of a patch."""
        return self.channels * self.patch_size**2

    @property
    def head_dim(self) -> int:
        """Return the width of an attention head."""
        return self.hidden_size // self.heads

    def matrix_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the shapes [outputs, inputs] of all matrices, as the graph multiplies them."""
        hidden, inner, out = self.hidden_size, self.intermediate_size, self.output_size
        layer = {
            "attention.qkv": (3 * hidden, hidden),
            "attention.out": (hidden, hidden),
            "mlp.fc1": (inner, hidden),
            "mlp.fc2": (hidden, inner),
        }
        adapter = {
            "conv": (out, MERGED**2 * hidden),
            "linear": (out, out),
            "gate_up": (2 * self.gate_size, out),
            "down": (out, self.gate_size),
        }
        return {
            "vision.patch": (hidden, self.patch_width),
            **{
                f"vision.layers.{at}.{name}": shape
                for at in range(self.layers)
                for name, shape in layer.items()
            },
            **{f"vision.adapter.{name}": shape for name, shape in adapter.items()},
        }


def vision_formats(arch: VisionArchitecture, weights: VisionWeights) -> dict[str, MatrixFormat]:
    """Give every matrix its format.

    The patches' matrix stays as it is stored: the first of all, it is 0.2 % of GLM-Edge-V's tower.
    """
    kind = MatrixFormat("int8", symmetric=True) if weights == "int8" else MatrixFormat("float")
    formats = dict.fromkeys(arch.matrix_shapes(), kind)
    formats["vision.patch"] = MatrixFormat("float")
    return formats


def vision_bytes(arch: VisionArchitecture, weights: VisionWeights) -> int:
    """Return the size of all matrices and of the positions as they are stored."""
    formats = vision_formats(arch, weights)
    matrices = sum(stored_bytes(shape, formats[at]) for at, shape in arch.matrix_shapes().items())
    positions = 4 * arch.length * arch.hidden_size
    return matrices * (2 if weights == "f32" else 1) + positions


def tensor_names(arch: VisionArchitecture) -> list[str]:
    """List the internal names of all tensors."""
    names = [f"vision.patch.{kind}" for kind in ("weight", "bias")]
    names += ["vision.class_vector"] if arch.has_class_vector else []
    names += ["vision.positions.weight"]
    pieces = ("attention.q", "attention.k", "attention.v", "attention.out", "mlp.fc1", "mlp.fc2")
    for at in range(arch.layers):
        for piece in ("norm1", "norm2", *pieces):
            names += [f"vision.layers.{at}.{piece}.{kind}" for kind in ("weight", "bias")]
    norms = ["vision.final_norm"] if arch.has_final_norm else []
    for name in (*norms, "vision.adapter.norm", "vision.adapter.conv"):
        names += [f"{name}.{kind}" for kind in ("weight", "bias")]
    names += [f"vision.adapter.{name}.weight" for name in ("linear", "up", "gate", "down")]
    return [*names, "vision.adapter.begin", "vision.adapter.end"]


def tensor_shape(arch: VisionArchitecture, name: str) -> tuple[int, ...]:
    """Return the shape of an internal tensor: matrices as [outputs, inputs]."""
    hidden, inner, out = arch.hidden_size, arch.intermediate_size, arch.output_size
    patch, shapes = arch.patch_size, {}
    shapes |= {
        "patch": (hidden, arch.channels, patch, patch),
        "positions": (arch.length, hidden),
        "fc1": (inner, hidden),
        "fc2": (hidden, inner),
        "adapter.conv": (out, hidden, MERGED, MERGED),
        "adapter.linear": (out, out),
        "adapter.up": (arch.gate_size, out),
        "adapter.gate": (arch.gate_size, out),
        "adapter.down": (out, arch.gate_size),
        "adapter.norm": (out,),
    }
    shapes |= dict.fromkeys(("q", "k", "v", "out"), (hidden, hidden))
    if name in ("vision.adapter.begin", "vision.adapter.end"):
        return (out,)
    module, _, kind = name.removeprefix(PREFIX).rpartition(".")
    last = module if module.startswith("adapter.") else module.rpartition(".")[2]
    shape = shapes.get(last, (hidden,))
    return shape[:1] if kind == "bias" else shape


def is_same_shape(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Compare shapes; a single vector may be stored with axes of one in front."""
    if len(wanted) == 1:
        return math.prod(found) == wanted[0] and found[-1:] == wanted
    return found == wanted
