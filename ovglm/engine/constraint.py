"""From a constraint to what the runtime enforces."""

import openvino_genai

from ovglm.engine.constraint_text import write_constraint
from ovglm.messages import Constraint

__all__ = ["to_structure"]


def to_structure(constraint: Constraint) -> openvino_genai.StructuredOutputConfig:
    """Write a constraint down for the runtime; raise RequestError as `write_constraint` does."""
    text = write_constraint(constraint)
    if constraint.kind == "json_schema":
        return openvino_genai.StructuredOutputConfig(grammar=text)
    return openvino_genai.StructuredOutputConfig(structural_tags_config=text)
