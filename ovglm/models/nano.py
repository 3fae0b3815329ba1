"""The miniature GLM that ships with the package."""

from ovglm.models.entry import Entry, Shape
from ovglm.models.licences import APACHE

__all__ = ["NANO"]

NANO = (
    Entry(
        "nano",
        "glm",
        "a very small trained GLM that ships with ovglm",
        None,
        Shape(
            hidden_size=256,
            intermediate_size=512,
            layers=5,
            heads=4,
            kv_heads=2,
            head_dim=64,
            vocab_size=2048,
            context_length=2048,
            tied=True,
        ),
        "glm4",
        APACHE,
    ),
)
