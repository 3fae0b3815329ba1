"""GLM-Edge: plain turns, no tools; its template would silently drop anything else."""

from collections.abc import Collection, Sequence
from typing import Any

from ovglm.dialects.base import Answer, Cleaner, refuse_role
from ovglm.errors import OvglmError
from ovglm.messages import Message

__all__ = ["GlmEdge"]

_ROLES = ("system", "user", "assistant", "tool")


class GlmEdge:
    """The dialect of GLM-Edge 1.5B and 4B."""

    name = "glm_edge"
    stop_tokens = ("<|endoftext|>", "<|user|>", "<|observation|>")

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        return [_render_turn(message) for message in messages]

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        return None

    def cleaner(self) -> Cleaner:
        return _AsItIs()

    def clean(self, text: str) -> str:
        return text

    def parse(self, text: str, tool_names: Collection[str]) -> Answer:
        for stop in self.stop_tokens:
            text = text.removesuffix(stop)
        return Answer(text)


class _AsItIs:
    def push(self, text: str) -> str:
        return text


def _render_turn(message: Message) -> dict[str, Any]:
    if message.role not in _ROLES:
        raise refuse_role(message.role)
    if message.tools or message.tool_calls or message.role == "tool":
        raise OvglmError("GLM-Edge cannot call tools", "use glm-4-9b-chat, or leave the tools out")
    return {"role": message.role, "content": message.content}
