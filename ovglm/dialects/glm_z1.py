"""GLM-Z1: as GLM-4-0414, but each answer begins with a thought."""

from typing import Any

from ovglm.dialects.glm0414 import Glm0414
from ovglm.dialects.structure import Form
from ovglm.dialects.thinking import FREE_THOUGHT
from ovglm.errors import OvglmError

__all__ = ["GlmZ1"]


class GlmZ1(Glm0414):
    """The dialect of the reasoning models of the 0414 generation, which cannot but think."""

    name = "glm_z1"
    thinks = True

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        if thinks is False:
            raise OvglmError("A GLM-Z1 always thinks before it answers", "use a GLM-4-0414")
        return {}

    def _before_answer(self, thinks: bool | None) -> Form:
        return FREE_THOUGHT
