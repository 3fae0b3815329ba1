"""The miniature GLMs that ship with the package."""

from ovglm.models.entry import Entry, Shape
from ovglm.models.licences import APACHE
from ovglm.vision_sizes import TowerShape

__all__ = ["NANO"]

_SHAPE = Shape(
    hidden_size=256,
    intermediate_size=512,
    layers=5,
    heads=4,
    kv_heads=2,
    head_dim=64,
    vocab_size=2048,
    context_length=2048,
    tied=True,
)

NANO = (
    Entry(
        "nano",
        "glm",
        "a very small trained GLM that ships with ovglm",
        None,
        _SHAPE,
        "glm4",
        APACHE,
    ),
    Entry(
        "nano-v",
        "glm",
        "a very small trained GLM that sees pictures; ships with ovglm",
        None,
        _SHAPE,
        "glm_edge",
        APACHE,
        note="it knows shapes, colors, digits, counts and places",
        tower=TowerShape(
            image_size=112,
            patch_size=14,
            hidden_size=192,
            intermediate_size=512,
            layers=4,
            gate_size=384,
            output_size=256,
            has_class_vector=False,
            has_final_norm=True,
        ),
    ),
)
