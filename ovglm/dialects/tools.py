"""Tools as clients describe them, `{"type": "function", "function": {…}}`, and which to call."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ovglm.errors import OvglmError
from ovglm.messages import Message

__all__ = [
    "ANYTHING",
    "NamedTool",
    "Tool",
    "ToolChoice",
    "offer_tools",
    "read_tools",
    "tool_schemas",
    "tools_of",
]

# What a call's first line can hold in every dialect.
_NAME = re.compile(r"[^\s<>{}\"]{1,128}")
ANYTHING: Mapping[str, Any] = {"type": "object", "additionalProperties": True}


@dataclass(frozen=True)
class NamedTool:
    """The choice of one tool that must be called."""

    name: str


ToolChoice = Literal["none", "auto", "required"] | NamedTool


@dataclass(frozen=True)
class Tool:
    """One tool; `schema` is the JSON schema of its arguments, which `is_strict` enforces."""

    name: str
    schema: Mapping[str, Any]
    is_strict: bool


def read_tools(tools: Iterable[Mapping[str, Any]]) -> tuple[Tool, ...]:
    """Read descriptions of tools; refuse what cannot be called."""
    found = tuple(_read_tool(tool) for tool in tools)
    names = [tool.name for tool in found]
    for name in names:
        if names.count(name) > 1:
            raise OvglmError(f"Two tools have the name {name!r}", "give each its own name")
    return found


def tool_schemas(tools: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Give the JSON schema of the arguments of each tool, by name, as parsers want them."""
    return {tool.name: tool.schema for tool in read_tools(tools)}


def tools_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """List the tools that the messages offer."""
    return [dict(tool) for message in messages for tool in message.tools]


def offer_tools(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Put the tools on the first system message, or on one made for them."""
    if not tools:
        return list(messages)
    shown = tuple(map(_without_strict, tools))
    for place, message in enumerate(messages):
        if message.role == "system":
            return [*messages[:place], replace(message, tools=shown), *messages[place + 1 :]]
    return [Message("system", "", tools=shown), *messages]


def _without_strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {name: value for name, value in tool["function"].items() if name != "strict"}
    return {**tool, "function": function}


def _read_tool(tool: Mapping[str, Any]) -> Tool:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, Mapping):
        raise OvglmError(f"A tool has the type {tool.get('type')!r}", "tools are functions")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise OvglmError(
            f"A tool has the name {name!r}", "use letters, digits, underscores and dashes"
        )
    return Tool(name, _read_schema(name, function), function.get("strict") is True)


def _read_schema(name: str, function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the schema; without one a function takes no arguments, with an empty one any."""
    schema = function.get("parameters")
    if schema is None:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        raise OvglmError(
            f"The parameters of the tool {name!r} are no JSON schema of an object",
            'use {"type": "object", "properties": {…}}',
        )
    kinds = ("properties", "$ref", "anyOf", "oneOf", "allOf", "additionalProperties")
    return schema if any(kind in schema for kind in kinds) else {**schema, **ANYTHING}
