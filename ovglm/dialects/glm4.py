"""GLM-4-9B-Chat: tools in a message field, calls as a metadata line, results as observations."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ovglm.dialects.base import STOP_TOKENS, Tools, make_parser, refuse_role, refuse_thinking
from ovglm.dialects.events import AnswerParser
from ovglm.dialects.held_answers import hold
from ovglm.dialects.history import check_history
from ovglm.dialects.name_line import NameLine
from ovglm.dialects.structure import to_constraint
from ovglm.dialects.tools import ToolChoice
from ovglm.messages import Constraint, Message

__all__ = ["Glm4", "render_turns"]

_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "observation"}


class Glm4:
    """The dialect of GLM-4-9B-Chat and its 1M and Hugging Face forms, and of nano."""

    name = "glm4"
    stop_tokens = STOP_TOKENS
    tools: Literal["native", "instructed"] = "native"
    thinks = False
    check_history = staticmethod(check_history)

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

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        if thinks:
            raise refuse_thinking(self.name)
        return {}

    def parser(
        self, tools: Tools = (), *, thinks: bool = False, prompt_end: str = ""
    ) -> AnswerParser:
        return make_parser(NameLine(), tools, thinks=thinks, prompt_end=prompt_end)

    def constraint(
        self,
        tools: Tools,
        choice: ToolChoice,
        parallel: bool,
        *,
        thinks: bool | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Constraint | None:
        form = hold(NameLine(), tools, choice, parallel, schema)
        return to_constraint(form) if form else None


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
