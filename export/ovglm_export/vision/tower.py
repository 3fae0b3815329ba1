"""The numbers that a vision tower is built from; `ovglm.vision_sizes` has its tensors' shapes.

A family says where each of these lies in a checkpoint.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ovglm.vision_facts import Placement, Positions, Tower
from ovglm.vision_sizes import MERGED

__all__ = ["Activation", "VisionArchitecture", "is_same_shape"]

Activation = Literal["ERF", "TANH"]


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


def is_same_shape(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Compare shapes; a single vector may be stored with axes of one in front."""
    if len(wanted) == 1:
        return math.prod(found) == wanted[0] and found[-1:] == wanted
    return found == wanted
