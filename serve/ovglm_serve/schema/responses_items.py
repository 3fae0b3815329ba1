"""The items of a conversation as clients of /v1/responses send them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from ovglm_serve.schema.base import Wire
from ovglm_serve.schema.responses_fields import HarmlessOfItem, HarmlessOfText

__all__ = ["CallItem", "InputItem", "MessageItem", "ReasoningItem", "ResultItem", "TextOf"]


def _refuse_other_parts(kind: Any) -> Any:
    if isinstance(kind, str) and kind not in ("input_text", "output_text"):
        text = "parts of type '{kind}' are not supported: the models here read text only"
        raise PydanticCustomError("part", text, {"kind": kind})  # pyright: ignore[reportArgumentType]
    return kind


def _refuse_other_items(kind: Any) -> Any:
    if isinstance(kind, str) and kind != "message":
        text = "items of type '{kind}' are not supported"
        raise PydanticCustomError("item", text, {"kind": kind})  # pyright: ignore[reportArgumentType]
    return kind


class InputPart(HarmlessOfText):
    """One part of a content; only text can be read."""

    type: Annotated[Literal["input_text", "output_text"], BeforeValidator(_refuse_other_parts)]
    text: str


def _form_of(value: object) -> str:
    return "(parts)" if isinstance(value, list) else "(text)"


TextOf = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[InputPart], Tag("(parts)")],
    Discriminator(_form_of),
]


class MessageItem(HarmlessOfItem):
    """What somebody said; `developer` is the newer word for `system`."""

    type: Annotated[Literal["message"], BeforeValidator(_refuse_other_items)] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: TextOf
    phase: Literal["commentary", "final_answer"] | None = Field(
        None, description="Accepted; has no effect."
    )


class CallItem(HarmlessOfItem):
    """A call that the model asked for; `arguments` is the text of a JSON object."""

    type: Literal["function_call"]
    call_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    arguments: str


class ResultItem(HarmlessOfItem):
    """The result of one call."""

    type: Literal["function_call_output"]
    call_id: str = Field(min_length=1)
    output: TextOf


class _ThoughtPart(Wire):
    type: Literal["reasoning_text"]
    text: str


class ReasoningItem(HarmlessOfItem):
    """What the model thought, in full; there are no summaries."""

    type: Literal["reasoning"]
    summary: list[Any] | None = Field(None, max_length=0)
    content: list[_ThoughtPart] | None = None
    encrypted_content: None = None


_KINDS = ("function_call", "function_call_output", "reasoning")


def _kind_of(value: object) -> str:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"({kind})" if kind in _KINDS else "(message)"


InputItem = Annotated[
    Annotated[MessageItem, Tag("(message)")]
    | Annotated[CallItem, Tag("(function_call)")]
    | Annotated[ResultItem, Tag("(function_call_output)")]
    | Annotated[ReasoningItem, Tag("(reasoning)")],
    Discriminator(_kind_of),
]
