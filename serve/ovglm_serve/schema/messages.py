"""The messages of a chat as clients send them."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from ovglm_serve.schema.base import Wire
from ovglm_serve.schema.harmless import (
    HarmlessOfAnswer,
    HarmlessOfCall,
    HarmlessOfFunction,
    HarmlessOfTool,
)

__all__ = [
    "AssistantMessage",
    "CalledFunction",
    "ChatMessage",
    "Content",
    "InstructionMessage",
    "TextPart",
    "ToolMessage",
    "ToolRequest",
    "UserMessage",
]


class TextPart(Wire):
    """One part of a content; only text can be read."""

    type: Literal["text"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _refuse_other_kinds(cls, value: Any) -> Any:
        kind = value.get("type") if isinstance(value, dict) else "text"
        if isinstance(kind, str) and kind != "text":
            text = "parts of type '{kind}' are not supported: the models here read text only"
            raise PydanticCustomError("part", text, {"kind": kind})  # pyright: ignore[reportArgumentType]
        return value


def _kind_of(value: object) -> str:
    return "(parts)" if isinstance(value, list) else "(text)"


Content = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[TextPart], Tag("(parts)")],
    Discriminator(_kind_of),
]


class InstructionMessage(Wire):
    """Instructions; `developer` is the newer word for `system`."""

    role: Literal["system", "developer"]
    content: Content


class UserMessage(Wire):
    """What the user says."""

    role: Literal["user"]
    content: Content


class CalledFunction(HarmlessOfFunction):
    """The function of a call, and the text of the JSON object it was given."""

    name: str = Field(min_length=1)
    arguments: str


class ToolRequest(HarmlessOfCall):
    """A call that the model asked for."""

    id: str = Field(min_length=1)
    type: Literal["function"] = "function"
    function: CalledFunction


class AssistantMessage(HarmlessOfAnswer):
    """What the model said, with the fields of an answer of ours, so that it can be sent back."""

    role: Literal["assistant"]
    content: Content | None = None
    reasoning_content: str | None = None
    refusal: None = None
    tool_calls: list[ToolRequest] | None = None


class ToolMessage(HarmlessOfTool):
    """The result of one call."""

    role: Literal["tool"]
    content: Content
    tool_call_id: str


ChatMessage = Annotated[
    InstructionMessage | UserMessage | AssistantMessage | ToolMessage,
    Field(discriminator="role"),
]
