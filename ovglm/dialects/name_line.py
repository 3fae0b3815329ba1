"""Calls as GLM-4 writes them: a line with the name, then the arguments as a JSON object."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ovglm.dialects.call_parser import Head, Schemas
from ovglm.dialects.control_tokens import NEXT_TURN
from ovglm.dialects.json_object import ObjectReader
from ovglm.dialects.structure import (
    Form,
    exactly,
    json_of,
    one_of,
    separated,
    sequence,
    tag,
    text_with,
)
from ovglm.dialects.tools import Tool

__all__ = ["NameLine", "TaggedNameLine"]


def _read_head(text: str, schemas: Schemas) -> Head | Literal["unknown"] | None:
    """Find a tool's name on a line of its own (0414 writes a space behind it) and an object."""
    line, line_break, body = text.removeprefix("\n").partition("\n")
    if not line_break:
        return "unknown" if any(f"{name} ".startswith(line) for name in schemas) else None
    name = line.removesuffix(" ")
    if name not in schemas or not body.startswith("{"[: len(body)]):
        return None
    inside = body[1:].lstrip(" \t\n\r")
    if not inside:
        return "unknown"
    return Head(name, len(text) - len(body)) if inside[0] in '"}' else None


class NameLine:
    """A call is a turn of its own, and nothing but its form tells it from a text.

    So it is one only if a tool has the name on its first line, and `{` and then `"` or `}` follow.
    """

    opening = closing = ""
    starts_on_new_line = True
    read_head = staticmethod(_read_head)

    def arguments(self, schema: Mapping[str, Any]) -> ObjectReader:
        return ObjectReader()

    def calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        tags = [tag(f"{tool.name}\n", json_of(tool.schema), "") for tool in tools]
        return separated(tags, NEXT_TURN, is_single)

    def text_or_calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        """A text, which begins with a line break, or a call; in the turns behind it, more calls."""
        first = one_of(*(tag(f"{tool.name}\n", json_of(tool.schema), "") for tool in tools))
        tags = [tag(f"{NEXT_TURN}{tool.name}\n", json_of(tool.schema), "") for tool in tools]
        excludes = [f"{tool.name}{end}" for tool in tools for end in ("\n{", " \n{")]
        text = text_with(tags, NEXT_TURN, is_single, excludes)
        return one_of(sequence(exactly("\n"), text), first if is_single else sequence(first, text))

    def json_text(self, schema: Mapping[str, Any]) -> Form:
        return separated([tag("\n", json_of(schema), "")], "\n", is_single=True)


class TaggedNameLine:
    """The same between `<tool_call>` and `</tool_call>`, anywhere in a text."""

    opening = "<tool_call>"
    closing = "</tool_call>"
    starts_on_new_line = False
    read_head = staticmethod(_read_head)

    def arguments(self, schema: Mapping[str, Any]) -> ObjectReader:
        return ObjectReader()

    def calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        return separated(self._tags(tools), "\n", is_single)

    def text_or_calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        return text_with(self._tags(tools), self.opening, is_single)

    def json_text(self, schema: Mapping[str, Any]) -> Form:
        return separated([tag("", json_of(schema), "")], "\n", is_single=True)

    def _tags(self, tools: Sequence[Tool]) -> list[Form]:
        end = f"\n{self.closing}"
        return [tag(f"{self.opening}{tool.name}\n", json_of(tool.schema), end) for tool in tools]
