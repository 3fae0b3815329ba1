"""GLM-4-0414: as GLM-4-9B-Chat, but the template reads the tools beside the messages."""

from collections.abc import Sequence
from typing import Any

from ovglm.dialects.glm4 import Glm4, render_turns
from ovglm.dialects.tools import tools_of
from ovglm.messages import Message

__all__ = ["Glm0414"]


class Glm0414(Glm4):
    """The dialect of the 0414 generation."""

    name = "glm0414"

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        turns = [turn for message in messages for turn in render_turns(message)]
        # A system message that only carries tools has nothing to say here.
        return [turn for turn in turns if turn["role"] != "system" or turn["content"]]

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        return tools_of(messages) or None
