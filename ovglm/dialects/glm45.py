"""GLM-4.5 and 4.6: thoughts, and calls in XML; the template reads OpenAI's own message fields."""

import json
from collections.abc import Sequence
from typing import Any

from ovglm.dialects.base import refuse_role
from ovglm.dialects.calling import CallingDialect
from ovglm.dialects.parts import content_of
from ovglm.dialects.structure import Form, exactly
from ovglm.dialects.thinking import FREE_THOUGHT
from ovglm.dialects.tools import tools_of
from ovglm.dialects.xml_call import XmlCall
from ovglm.messages import Message, ToolCall

__all__ = ["Glm45"]

_ROLES = ("system", "user", "assistant", "tool")


class Glm45(CallingDialect):
    """The dialect of GLM-4.5, 4.5-Air and 4.6, which think unless they are told not to."""

    name = "glm45"
    style = XmlCall()
    thinks = True

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        turns = [_render_turn(message) for message in messages]
        # A system message that only carries tools has nothing to say here.
        return [turn for turn in turns if turn["role"] != "system" or turn["content"]]

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        return tools_of(messages) or None

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        return {} if thinks is None else {"enable_thinking": thinks}

    def _before_answer(self, thinks: bool | None) -> Form:
        return exactly("\n") if thinks is False else FREE_THOUGHT


def _render_turn(message: Message) -> dict[str, Any]:
    if message.role not in _ROLES:
        raise refuse_role(message.role)
    turn: dict[str, Any] = {"role": message.role, "content": content_of(message)}
    if message.thought:
        turn["reasoning_content"] = message.thought
    if message.tool_calls:
        turn["tool_calls"] = [_render_call(call) for call in message.tool_calls]
    return turn


def _render_call(call: ToolCall) -> dict[str, Any]:
    """Write a call; the template iterates over its arguments, so they are no text here."""
    arguments = json.loads(call.arguments or "{}")
    return {"type": "function", "function": {"name": call.name, "arguments": arguments}}
