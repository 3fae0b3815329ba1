"""GLM-4-9B-Chat: tools in a message field, calls as a metadata line, results as observations."""

from collections.abc import Sequence
from typing import Any

from ovglm.dialects.base import refuse_role
from ovglm.dialects.calling import CallingDialect
from ovglm.dialects.name_line import NameLine
from ovglm.dialects.parts import content_of
from ovglm.messages import Message

__all__ = ["Glm4", "render_turns"]

_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "observation"}


class Glm4(CallingDialect):
    """The dialect of GLM-4-9B-Chat and its 1M and Hugging Face forms, and of nano."""

    name = "glm4"
    style = NameLine()

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
    content = content_of(message)
    if calls and not content:
        return calls
    content = content or (" " if role == "observation" else "")
    return [{"role": role, "content": content}, *calls]
