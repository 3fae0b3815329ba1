"""GLM-4.5's arguments, `<arg_key>k</arg_key><arg_value>v</arg_value>`, read as one JSON object."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ovglm.dialects.control_tokens import Marks

__all__ = ["XmlArguments", "types_of"]

_KEY = re.compile(r"\s*<arg_key>((?:(?!</arg_key>).)*)</arg_key>\s*<arg_value>", re.DOTALL)
_VALUE_END = "</arg_value>"
_VALUE_ENDS = Marks((_VALUE_END,))
_TYPES = {
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": float,
    "number": float,
    "null": type(None),
}


class XmlArguments:
    """Reads keys and values up to the end of the call; a member is left out until its value begins.

    A value that its schema declares as text is given out as it grows, without regard to what it
    looks like. Any other is JSON where it can be read as such, else text (the checkpoints' own
    rule); it is given out when it is whole.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """schema: the JSON schema of the arguments' object."""
        self.is_open = True
        properties = schema.get("properties")
        self._properties = properties if isinstance(properties, Mapping) else {}
        self._rest = ""
        self._out = "{"
        self._key: str | None = None
        self._is_first = True
        self._is_in_text = False

    def push(self, text: str) -> tuple[str, str]:
        """Take more text; give the JSON that is certain now, and what comes after the arguments."""
        self._rest += text
        while self.is_open and (self._read_key() if self._key is None else self._read_value()):
            pass
        grown, self._out = self._out, ""
        if self.is_open:
            return grown, ""
        after, self._rest = self._rest, ""
        return grown, after

    def close(self) -> str:
        """Give what is missing to make the object whole; never nothing, for only this ends it."""
        self.is_open = False
        return '"}' if self._is_in_text else "}"

    def _read_key(self) -> bool:
        key = _KEY.match(self._rest)
        if key is None:
            self.is_open = _can_become_key(self._rest)
            return False
        self._rest = self._rest[key.end() :]
        self._key = key[1].strip()
        return True

    def _read_value(self) -> bool:
        types = types_of(self._properties.get(self._key))
        is_text = types == {"string"}
        if is_text and not self._is_in_text:
            self._begin_member()
            self._out += '"'
            self._is_in_text = True
        value, end, after = self._rest.partition(_VALUE_END)
        if not end and not is_text:
            return False
        if is_text:
            kept = 0 if end else _VALUE_ENDS.begun(value)
            after = after if end else value[len(value) - kept :]
            self._out += json.dumps(value[: len(value) - kept], ensure_ascii=False)[1:-1]
            self._out += '"' if end else ""
        else:
            self._begin_member()
            self._out += _to_json(value, types)
        self._rest = after
        if end:
            self._key, self._is_in_text = None, False
        return bool(end)

    def _begin_member(self) -> None:
        self._out += "" if self._is_first else ", "
        self._out += json.dumps(self._key, ensure_ascii=False) + ": "
        self._is_first = False


def types_of(schema: Any) -> set[str]:
    """Name the types that a schema allows; none where it does not tell."""
    if not isinstance(schema, Mapping):
        return set()
    for kind in ("anyOf", "oneOf"):
        if isinstance(schema.get(kind), list):
            return {name for choice in schema[kind] for name in types_of(choice)}
    if "type" not in schema:
        texts = schema.get("enum") or [schema.get("const")]
        return {"string"} if all(isinstance(text, str) for text in texts) else set()
    named = schema["type"]
    return set(named) if isinstance(named, list) else {str(named)}


def _can_become_key(text: str) -> bool:
    """Tell whether a key begins like `text`, so that more of it is worth waiting for."""
    text = text.lstrip()
    if "<arg_key>".startswith(text):
        return True
    rest = text.removeprefix("<arg_key>").partition("</arg_key>")[2].lstrip()
    return text.startswith("<arg_key>") and "<arg_value>".startswith(rest)


def _to_json(value: str, types: set[str]) -> str:
    """Give `value` itself where it is JSON of an allowed type, else the JSON of it as a text."""
    try:
        found = json.loads(value, parse_int=float, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return json.dumps(value, ensure_ascii=False)
    if "string" in types and not any(type(found) is _TYPES.get(name) for name in types):
        return json.dumps(value, ensure_ascii=False)
    return value.strip()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
