"""The GLM architectures that can be exported, by the `model_type` of their config.json."""

from ovglm_export.families import chatglm, glm, glm4
from ovglm_export.families.base import Family

__all__ = ["FAMILIES", "Family"]

FAMILIES: dict[str, Family] = {
    "glm": glm.FAMILY,
    "chatglm": chatglm.FAMILY,
    "glm4": glm4.FAMILY,
}
