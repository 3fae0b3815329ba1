"""Calls as GLM-4.5 writes them: `<tool_call>name`, keys and values in XML, `</tool_call>`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ovglm.dialects.call_parser import Head, Schemas
from ovglm.dialects.structure import (
    ANY_TEXT,
    NOTHING,
    Form,
    exactly,
    json_of,
    matching,
    one_of,
    separated,
    sequence,
    tag,
    text_with,
)
from ovglm.dialects.tools import Tool
from ovglm.dialects.xml_arguments import XmlArguments, types_of
from ovglm.errors import RequestError

__all__ = ["XmlCall"]

_HEAD = re.compile(r"\s*([^\s<]+)\s*(?=<arg_key>|</tool_call>)")
_BEGUN_HEAD = re.compile(r"\s*([^\s<]*)(\s*)(<.*)?\Z", re.DOTALL)
_ANY_ARGUMENTS = r"(<arg_key>[^<\n]+</arg_key>\n<arg_value>[^<]*</arg_value>\n)*"
# What a value can be held to besides its type, where it is text without quotes.
_KEPT_OF_TEXT = frozenset(
    ("type", "enum", "const", "pattern", "title", "description", "default", "examples")
)


class XmlCall:
    """A call is one when a tool has its name and a key or the call's end follows."""

    opening = "<tool_call>"
    closing = "</tool_call>"
    starts_on_new_line = True

    def read_head(self, text: str, schemas: Schemas) -> Head | Literal["unknown"] | None:
        if head := _HEAD.match(text):
            return Head(head[1], head.end()) if head[1] in schemas else None
        begun = _BEGUN_HEAD.match(text)
        if begun is None:
            return None
        name, space, mark = begun[1], begun[2], begun[3] or ""
        can_be_name = any(known.startswith(name) for known in schemas)
        if (space and name) or mark:
            can_be_name = name in schemas
        can_be_mark = any(known.startswith(mark) for known in ("<arg_key>", self.closing))
        return "unknown" if can_be_name and can_be_mark else None

    def arguments(self, schema: Mapping[str, Any]) -> XmlArguments:
        return XmlArguments(schema)

    def calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        return separated(self._tags(tools), "\n", is_single)

    def text_or_calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        return text_with(self._tags(tools), self.opening, is_single)

    def json_text(self, schema: Mapping[str, Any]) -> Form:
        return separated([tag("", json_of(schema), "")], "\n", is_single=True)

    def _tags(self, tools: Sequence[Tool]) -> list[Form]:
        return [
            tag(f"{self.opening}{tool.name}\n", _arguments_of(tool.schema), self.closing)
            for tool in tools
        ]


def _arguments_of(schema: Mapping[str, Any]) -> Form:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return matching(_ANY_ARGUMENTS)
    required = schema.get("required") or ()
    rest = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    members = [
        _member(key, value, rest) if key in required else one_of(_member(key, value, rest), NOTHING)
        for key, value in properties.items()
    ]
    return sequence(*members) if members else NOTHING


def _member(key: str, schema: Any, definitions: Mapping[str, Any]) -> Form:
    begin = f"<arg_key>{key}</arg_key>\n<arg_value>"
    return sequence(tag(begin, _value_of(key, schema, definitions), "</arg_value>"), exactly("\n"))


def _value_of(key: str, schema: Any, definitions: Mapping[str, Any]) -> Form:
    types = types_of(schema)
    if types == {"string"}:
        return _text_of(key, schema)
    if "string" in types:  # text is written without quotes, so this can be anything
        return ANY_TEXT
    return json_of({**schema, **definitions} if isinstance(schema, Mapping) else schema)


def _text_of(key: str, schema: Mapping[str, Any]) -> Form:
    unknown = sorted(set(schema) - _KEPT_OF_TEXT)
    if unknown:
        raise RequestError(
            f"the keyword {unknown[0]!r} of the argument {key!r} is not supported: this model "
            "writes texts without quotes",
            hint="leave it out, or use 'pattern'",
        )
    if "const" in schema or "enum" in schema:
        texts = [schema["const"]] if "const" in schema else schema["enum"]
        return one_of(*(exactly(str(text)) if text else NOTHING for text in texts))
    return matching(schema["pattern"]) if "pattern" in schema else ANY_TEXT
