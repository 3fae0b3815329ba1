"""What a dialect is: how one GLM generation writes turns and tools, as pure functions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall

__all__ = ["Answer", "Cleaner", "Dialect", "refuse_role"]


@dataclass(frozen=True)
class Answer:
    """A finished answer, taken apart: what to show, and the calls that the model asks for."""

    content: str
    tool_calls: tuple[ToolCall, ...] = ()


class Cleaner(Protocol):
    """Cleans one answer while it is streamed; keeps state, so it serves one answer only."""

    def push(self, text: str) -> str:
        """Take the next piece of the answer; give what is to be shown of it."""
        ...


class Dialect(Protocol):
    """How a GLM generation speaks. The text around the turns comes from the template itself."""

    @property
    def name(self) -> str:
        """The name that manifests and the catalogue use."""
        ...

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """The control tokens that end an answer, where the vocabulary has them."""
        ...

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Write messages as this dialect's template reads them; refuse what it cannot say."""
        ...

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        """Give the tools that the template reads beside the messages, None where it reads none."""
        ...

    def cleaner(self) -> Cleaner:
        """Make the cleaner of one streamed answer."""
        ...

    def clean(self, text: str) -> str:
        """Clean a whole answer."""
        ...

    def parse(self, text: str, tool_names: Collection[str]) -> Answer:
        """Take a whole answer apart, decoded with its control tokens left in.

        Only calls of a tool in `tool_names` count; anything else is content.
        """
        ...


def refuse_role(role: str) -> OvglmError:
    """Make the error for a role that no dialect knows."""
    return OvglmError(f"A message has the role {role!r}", "use system, user, assistant or tool")
