"""The items of one response while they grow, and the events that tell of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from ovglm_serve.schema.responses_replies import (
    CallOutput,
    MessageOutput,
    OutputItem,
    OutputText,
    ReasoningOutput,
    ReasoningText,
    Status,
)
from ovglm_serve.translate.chat import new_call_id

__all__ = ["Draft", "DraftCall", "DraftMessage", "DraftThought"]

# The name of an event behind "response.", and its fields.
_Told = tuple[str, dict[str, Any]]


class Draft(Protocol):
    """An item that grows. Its events lack the numbers of the item and of the event."""

    id: str

    def item(self, status: Status) -> OutputItem:
        """Write the item as it is now."""
        ...

    def begin(self) -> Iterator[_Told]:
        """Tell what follows the item's being added."""
        ...

    def grow(self, text: str) -> _Told:
        """Add to the text."""
        ...

    def end(self) -> Iterator[_Told]:
        """Tell what comes before the item is done."""
        ...


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex}"


@dataclass
class DraftMessage:
    """What is said."""

    id: str = field(default_factory=lambda: _new_id("msg"))
    text: str = ""

    def item(self, status: Status) -> MessageOutput:
        """Write the item; while it is in progress, its part has not been told of."""
        content = [] if status == "in_progress" else [self._part()]
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def begin(self) -> Iterator[_Told]:
        """Tell of the message's one part."""
        yield "content_part.added", {"content_index": 0, "part": self._part()}

    def grow(self, text: str) -> _Told:
        """Add what was said."""
        self.text += text
        return "output_text.delta", {"content_index": 0, "delta": text, "logprobs": []}

    def end(self) -> Iterator[_Told]:
        """Tell the whole text."""
        yield "output_text.done", {"content_index": 0, "text": self.text, "logprobs": []}
        yield "content_part.done", {"content_index": 0, "part": self._part()}

    def _part(self) -> OutputText:
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}


@dataclass
class DraftThought:
    """What the model thinks."""

    id: str = field(default_factory=lambda: _new_id("rs"))
    text: str = ""

    def item(self, status: Status) -> ReasoningOutput:
        """Write the item; while it is in progress, its part has not been told of."""
        content = [] if status == "in_progress" else [self._part()]
        return {
            "id": self.id,
            "type": "reasoning",
            "status": status,
            "summary": [],
            "content": content,
        }

    def begin(self) -> Iterator[_Told]:
        """Tell of the thought's one part."""
        yield "content_part.added", {"content_index": 0, "part": self._part()}

    def grow(self, text: str) -> _Told:
        """Add what was thought."""
        self.text += text
        return "reasoning_text.delta", {"content_index": 0, "delta": text}

    def end(self) -> Iterator[_Told]:
        """Tell the whole thought."""
        yield "reasoning_text.done", {"content_index": 0, "text": self.text}
        yield "content_part.done", {"content_index": 0, "part": self._part()}

    def _part(self) -> ReasoningText:
        return {"type": "reasoning_text", "text": self.text}


@dataclass
class DraftCall:
    """A call of the function `name`; the text is that of its arguments."""

    name: str
    id: str = field(default_factory=lambda: _new_id("fc"))
    call_id: str = field(default_factory=new_call_id)
    text: str = ""

    def item(self, status: Status) -> CallOutput:
        """Write the item."""
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": self.text,
        }

    def begin(self) -> Iterator[_Told]:
        """Tell nothing: the item has the name."""
        yield from ()

    def grow(self, text: str) -> _Told:
        """Add to the arguments."""
        self.text += text
        return "function_call_arguments.delta", {"delta": text}

    def end(self) -> Iterator[_Told]:
        """Tell the whole arguments."""
        yield "function_call_arguments.done", {"name": self.name, "arguments": self.text}
