"""OpenAI's chat messages as JSON objects -> Message; every error names the line and the place."""

from collections.abc import Mapping
from typing import Any

from ovglm.dialects.history import check_history
from ovglm.dialects.tools import read_tools
from ovglm.errors import OvglmError
from ovglm.messages import Message, Role, ToolCall

__all__ = ["read_messages"]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_FIELDS = {"role", "content", "tool_calls", "tool_call_id", "reasoning_content"}
# Said of a message, and no part of its text in any template.
_LABELS = {"name", "id", "weight"}


def read_messages(where: str, record: Mapping[str, Any]) -> tuple[Message, ...]:
    """Read {"messages": […], "tools": […]}; tools go on a system message at the start.

    where: `FILE, line N`, for the errors. Other fields of the record are labels and are not read.
    """
    raw = record["messages"]
    if not isinstance(raw, list) or not raw:
        raise OvglmError(f"{where}: messages is not a list with messages in it", _hint("user"))
    messages = [_read_message(f"{where}: messages[{place}]", one) for place, one in enumerate(raw)]
    tools = record.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise OvglmError(f"{where}: tools is not a list of functions", '[{"type": "function", …}]')
    try:
        read_tools(tools)
        check_history(messages)
    except OvglmError as error:
        raise OvglmError(f"{where}: {error.message}", error.hint) from error
    if not tools:
        return tuple(messages)
    opening = messages.pop(0).content if messages[0].role == "system" else ""
    return (Message("system", opening, tools=tuple(tools)), *messages)


def _read_message(place: str, raw: object) -> Message:
    if not isinstance(raw, dict):
        raise OvglmError(f"{place} is not an object", _hint("user"))
    role = raw.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise OvglmError(f"{place} has the role {role!r}", f"one of {', '.join(_ROLES)}")
    for name, value in raw.items():
        if name not in _FIELDS | _LABELS and value not in (None, "", [], {}):
            raise OvglmError(
                f"{place} has a field {name!r}, which no GLM reads", f"leave out {name!r}"
            )
    calls = _read_calls(place, raw.get("tool_calls"))
    content = _read_content(place, raw.get("content"))
    if not content and not calls and role != "tool":
        raise OvglmError(f"{place} has no content", _hint(role))
    return Message(
        _ROLES[role],
        content,
        tool_calls=calls,
        tool_call_id=_text(f"{place}.tool_call_id", raw.get("tool_call_id")),
        thought=_text(f"{place}.reasoning_content", raw.get("reasoning_content")),
    )


def _read_content(place: str, content: object) -> str:
    if not isinstance(content, list):
        return _text(f"{place}.content", content)
    lines = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text":
            kind = part.get("type") if isinstance(part, dict) else part
            raise OvglmError(
                f"{place} has a part of type {kind!r}, not text", "leave that part out"
            )
        lines.append(_text(f"{place}.content", part.get("text")))
    return "\n".join(lines)


def _read_calls(place: str, raw: object) -> tuple[ToolCall, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise OvglmError(f"{place}.tool_calls is not a list", '[{"id": "1", "function": {…}}]')
    return tuple(_read_call(f"{place}.tool_calls[{at}]", one) for at, one in enumerate(raw))


def _read_call(place: str, raw: object) -> ToolCall:
    function = raw.get("function") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(function, dict):
        raise OvglmError(f"{place} is not a call of a function", '{"id": "1", "function": {…}}')
    name = _text(f"{place}.function.name", function.get("name"))
    if not name:
        raise OvglmError(f"{place} names no function", '{"name": "…", "arguments": "{}"}')
    arguments = _text(f"{place}.function.arguments", function.get("arguments"))
    return ToolCall(name, arguments, id=_text(f"{place}.id", raw.get("id")))


def _text(place: str, value: object) -> str:
    """Take a text; null is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise OvglmError(f"{place} is not a text", '"…"')
    return value


def _hint(role: str) -> str:
    return f'{{"role": "{role}", "content": "…"}}'
