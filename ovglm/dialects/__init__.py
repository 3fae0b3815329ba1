"""The dialects by name, and which of them a checkpoint's own template speaks."""

import re
from collections.abc import Mapping
from typing import Any

from ovglm.dialects.base import Dialect
from ovglm.dialects.events import Answer, AnswerParser, join_events, read_answer
from ovglm.dialects.glm0414 import Glm0414
from ovglm.dialects.glm4 import Glm4
from ovglm.dialects.glm45 import Glm45
from ovglm.dialects.glm_edge import GlmEdge
from ovglm.dialects.glm_z1 import GlmZ1
from ovglm.dialects.tools import NamedTool, ToolChoice
from ovglm.errors import OvglmError

__all__ = [
    "DIALECTS",
    "Answer",
    "AnswerParser",
    "Dialect",
    "NamedTool",
    "ToolChoice",
    "dialect_for",
    "guess_dialect",
    "join_events",
    "read_answer",
]

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (Glm4(), Glm0414(), GlmZ1(), Glm45(), GlmEdge())
}
_TOOLS_OF_A_MESSAGE = re.compile(r"""\[\s*['"]tools['"]\s*\]|\.tools\b|\.get\(\s*['"]tools['"]""")
_TOOLS_BESIDE = re.compile(r"(?<![\w.'\"])tools(?![\w'\"])")
_TAG = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)


def dialect_for(name: str) -> Dialect:
    """Give the dialect of that name."""
    if name not in DIALECTS:
        known = ", ".join(sorted(DIALECTS))
        raise OvglmError(f"There is no dialect {name!r}", f"the dialects are {known}")
    return DIALECTS[name]


def guess_dialect(template_source: str | None, config: Mapping[str, Any]) -> str:
    """Name the dialect that a chat template is written for.

    Without a template (a base model) `config`, the checkpoint's config.json, decides.
    """
    if not template_source:
        return _dialect_of_config(config)
    if "<|assistant|>" not in template_source:
        return _refuse("its turns are not those of a GLM")
    if "<arg_key>" in template_source:
        return Glm45.name
    if "<tool_call>" in template_source:
        return _refuse("it writes tool calls as no GLM does")
    code = " ".join(_TAG.findall(template_source))
    if _TOOLS_OF_A_MESSAGE.search(code):
        return Glm4.name
    if "[gMASK]" in template_source and "think>" in template_source:
        return GlmZ1.name
    if _TOOLS_BESIDE.search(code):
        return Glm0414.name
    return Glm4.name if "[gMASK]" in template_source else GlmEdge.name


def _dialect_of_config(config: Mapping[str, Any]) -> str:
    model_type = config.get("model_type")
    if model_type == "glm4":
        return Glm0414.name
    if model_type == "glm4_moe":
        return Glm45.name
    if model_type == "chatglm":
        return Glm4.name
    if model_type == "glm":
        nested = config.get("rope_parameters") or {}
        part = nested.get("partial_rotary_factor", config.get("partial_rotary_factor", 0.5))
        return GlmEdge.name if part == 1.0 else Glm4.name
    return _refuse(f"there is none, and the model_type is {model_type!r}")


def _refuse(reason: str) -> str:
    raise OvglmError(f"No dialect fits the chat template: {reason}", "ovglm list")
