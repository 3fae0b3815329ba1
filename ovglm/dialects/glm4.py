"""GLM-4-9B-Chat: tools in a message field, calls as a metadata line, results as observations."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from ovglm.dialects.base import Answer, Cleaner, refuse_role
from ovglm.messages import Message, ToolCall

__all__ = ["Glm4", "LeadingNewlineCleaner"]

_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "observation"}
_NEXT_CALL = "<|assistant|>"
_STOPS = ("<|endoftext|>", "<|user|>", "<|observation|>")


class LeadingNewlineCleaner:
    """Drops the one newline that GLM-4 writes before its answer."""

    def __init__(self) -> None:
        self._is_at_start = True

    def push(self, text: str) -> str:
        if not text or not self._is_at_start:
            return text
        self._is_at_start = False
        return text.removeprefix("\n")


class Glm4:
    """The dialect of GLM-4-9B-Chat and its 1M and Hugging Face forms, and of nano."""

    name = "glm4"
    stop_tokens = _STOPS

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = []
        for message in messages:
            first, *others = render_turns(message)
            if message.tools:
                first["tools"] = [dict(tool) for tool in message.tools]
            turns += [first, *others]
        return turns

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        return None

    def cleaner(self) -> Cleaner:
        return LeadingNewlineCleaner()

    def clean(self, text: str) -> str:
        return LeadingNewlineCleaner().push(text)

    def parse(self, text: str, tool_names: Collection[str]) -> Answer:
        for stop in _STOPS:
            text = text.removesuffix(stop)
        parts = text.split(_NEXT_CALL)
        calls = [_parse_call(part, tool_names) for part in parts]
        said = [self.clean(part) for part, call in zip(parts, calls, strict=True) if call is None]
        content = "\n".join(part for part in said if part.strip()) if any(calls) else said[0]
        if not any(calls) and len(parts) > 1:
            content = self.clean(text)
        return Answer(content, tuple(call for call in calls if call is not None))


def render_turns(message: Message) -> list[dict[str, Any]]:
    """Write one message as template turns: its text first, then one turn per call.

    The templates skip a turn without content, so an empty result of a tool becomes a space.
    """
    role = _ROLES.get(message.role)
    if role is None:
        raise refuse_role(message.role)
    calls = [
        {"role": role, "metadata": call.name, "content": call.arguments or "{}"}
        for call in message.tool_calls
    ]
    if calls and not message.content:
        return calls
    content = message.content or (" " if role == "observation" else "")
    return [{"role": role, "content": content}, *calls]


def _parse_call(part: str, tool_names: Collection[str]) -> ToolCall | None:
    """Read "name, newline, JSON object"; there is no other mark of a call."""
    name, newline, arguments = part.removeprefix("\n").partition("\n")
    if not newline or name.strip() not in tool_names:
        return None
    try:
        is_object = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return None
    return ToolCall(name.strip(), arguments.strip()) if is_object else None
