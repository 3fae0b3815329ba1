"""What a runtime needs to know of an exported model's pictures, as the manifest keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "LANGUAGE_FILE",
    "TEXT_EMBEDDINGS_FILE",
    "VISION_EMBEDDINGS_FILE",
    "Placement",
    "Positions",
    "Resample",
    "Resize",
    "Tower",
    "VisionAgreement",
    "VisionFacts",
    "VisionWeights",
    "read_vision_agreement",
    "read_vision_facts",
]

# The names that optimum-intel and openvino.genai give to the parts of a vision-language model.
LANGUAGE_FILE = "openvino_language_model.xml"
TEXT_EMBEDDINGS_FILE = "openvino_text_embeddings_model.xml"
VISION_EMBEDDINGS_FILE = "openvino_vision_embeddings_model.xml"

VisionWeights = Literal["int8", "bf16", "f32"]
Tower = Literal["siglip", "eva2_clip"]
Resize = Literal["fit", "stretch"]
Resample = Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
Placement = Literal["each", "span"]
Positions = Literal["each", "shared"]


@dataclass(frozen=True)
class VisionFacts:
    """One picture's way into the model.

    weights: how the tower's matrices are stored; bf16 is the checkpoint's own type.
    image_size: pixels of each side of what the tower sees, of which patch_size make a patch side.
    vectors: that one picture becomes, the ones of its beginning and end included, each of
    hidden_size numbers. image_hidden_size: the tower's own width.

    resize: `fit` keeps the aspect ratio, puts the picture at the top left and fills up with zero
    pixels; `stretch` does not keep it. resample: the filter of both. Then each of the channels is
    multiplied with rescale, less its mean, over its std; the fill before that is 0, too.

    placement: `each`: a prompt holds begin_id `vectors` times, each stands for one vector.
    `span`: it holds begin_id, any one token, end_id: the three stand for all vectors.
    positions: `each`: every vector has a position of its own. `shared`: the first has one, all
    patches share the next one, the last has the one after it.
    most_pictures: in one conversation.
    """

    tower: Tower
    weights: VisionWeights
    image_size: int
    patch_size: int
    channels: int
    image_hidden_size: int
    hidden_size: int
    vectors: int
    resize: Resize
    resample: Resample
    rescale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    begin_id: int
    end_id: int
    placement: Placement
    positions: Positions
    most_pictures: int

    @property
    def placeholder_tokens(self) -> int:
        """Return how many tokens of a prompt stand for one picture."""
        return self.vectors if self.placement == "each" else 3

    @property
    def position_count(self) -> int:
        """Return how many positions one picture takes."""
        return self.vectors if self.positions == "each" else 3

    def illegal_on(self, device: str) -> str:
        """Say why a kind of device cannot run the text part behind these pictures, or nothing.

        Tried with an emulated NPU (openvino 2026.4): behind shared positions each token is wrong.
        """
        if device != "NPU" or self.positions == "each":
            return ""
        return (
            "all patches of its pictures share one position, and the NPU's runtime takes a token's "
            "position for its place in the KV cache"
        )


@dataclass(frozen=True)
class VisionAgreement:
    """How far the exported tower's vectors are from the checkpoint's in float32.

    pictures: made ones, always the same. cosine: of the angle between the vectors at one place;
    mean and least over all places. max_difference: the largest of any two numbers; range: of the
    checkpoint's numbers, from the smallest to the largest.
    """

    pictures: int
    vectors: int
    cosine_mean: float
    cosine_least: float
    max_difference: float
    range: float


def read_vision_facts(raw: Mapping[str, Any] | None) -> VisionFacts | None:
    """Rebuild what a manifest holds; None for a model of text alone."""
    if raw is None:
        return None
    return VisionFacts(**{**raw, "mean": tuple(raw["mean"]), "std": tuple(raw["std"])})


def read_vision_agreement(raw: Mapping[str, Any] | None) -> VisionAgreement | None:
    """Rebuild what a manifest holds; None where no tower was verified."""
    return None if raw is None else VisionAgreement(**raw)
