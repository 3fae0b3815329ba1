"""GLM-Edge: plain turns. Its template knows no tools and drops what it does not know.

So tools, calls and results are written into the turns that it has, in a form of our own, and the
model is told of it: a call is `<tool_call>name`, a line with a JSON object, `</tool_call>`.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from ovglm.dialects.base import refuse_role
from ovglm.dialects.calling import CallingDialect
from ovglm.dialects.name_line import TaggedNameLine
from ovglm.dialects.parts import content_of
from ovglm.dialects.tools import tools_of
from ovglm.messages import Message, ToolCall

__all__ = ["GlmEdge"]

_ROLES = ("system", "user", "assistant", "tool")
_INSTRUCTION = """\
# Tools

You can call these functions. Each line describes one, with the JSON schema of its arguments:

{functions}

If you need a function to answer, write nothing but the call, in this form:

<tool_call>name of the function
{{"name of an argument": "its value"}}
</tool_call>

For several calls write several such blocks. The results come in the next message, between \
<tool_result> and </tool_result>, in the order of the calls; answer with their help. If you need \
no function, answer as usual."""


class GlmEdge(CallingDialect):
    """The dialect of GLM-Edge 1.5B and 4B."""

    name = "glm_edge"
    style = TaggedNameLine()
    tools: Literal["native", "instructed"] = "instructed"

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = []
        for message in messages:
            turn = _render_turn(message)
            if message.role == "tool" and turns and turns[-1].get("is_result"):
                turns[-1]["content"] += "\n" + turn["content"]
            else:
                turns.append({**turn, "is_result": message.role == "tool"})
        plain = [{"role": turn["role"], "content": turn["content"]} for turn in turns]
        offered = tools_of(messages)
        return _instruct(plain, offered) if offered else plain

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        return None


def _instruct(turns: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the instruction into the first system turn, or one of its own before all others."""
    functions = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
    text = _INSTRUCTION.format(functions=functions)
    for place, turn in enumerate(turns):
        if turn["role"] == "system":
            content = "\n\n".join(part for part in (turn["content"], text) if part)
            return [*turns[:place], {**turn, "content": content}, *turns[place + 1 :]]
    return [{"role": "system", "content": text}, *turns]


def _render_turn(message: Message) -> dict[str, Any]:
    if message.role not in _ROLES:
        raise refuse_role(message.role)
    if message.pictures:
        return {"role": message.role, "content": content_of(message)}
    if message.role == "tool":
        return {"role": "user", "content": f"<tool_result>\n{message.content}\n</tool_result>"}
    parts = [message.content, *map(_render_call, message.tool_calls)]
    return {"role": message.role, "content": "\n".join(part for part in parts if part)}


def _render_call(call: ToolCall) -> str:
    return f"<tool_call>{call.name}\n{call.arguments or '{}'}\n</tool_call>"
