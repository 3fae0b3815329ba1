"""GLM-Z1: as GLM-4-0414, but each answer begins with a thought."""

from collections.abc import Mapping
from typing import Any

from ovglm.dialects.base import Tools
from ovglm.dialects.glm0414 import Glm0414
from ovglm.dialects.held_answers import hold
from ovglm.dialects.name_line import NameLine
from ovglm.dialects.structure import sequence, to_constraint
from ovglm.dialects.thinking import FREE_THOUGHT
from ovglm.dialects.tools import ToolChoice
from ovglm.errors import OvglmError
from ovglm.messages import Constraint

__all__ = ["GlmZ1"]


class GlmZ1(Glm0414):
    """The dialect of the reasoning models of the 0414 generation, which cannot but think."""

    name = "glm_z1"
    thinks = True

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        if thinks is False:
            raise OvglmError("A GLM-Z1 always thinks before it answers", "use a GLM-4-0414")
        return {}

    def constraint(
        self,
        tools: Tools,
        choice: ToolChoice,
        parallel: bool,
        *,
        thinks: bool | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Constraint | None:
        form = hold(NameLine(), tools, choice, parallel, schema)
        return to_constraint(sequence(FREE_THOUGHT, form)) if form else None
