"""The items of a conversation as clients of /v1/responses send them."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from ovglm_serve.schema.base import Wire
from ovglm_serve.schema.harmless import HarmlessOfPicture
from ovglm_serve.schema.messages import PICTURE_URL, picture_or_text, refuse_part
from ovglm_serve.schema.responses_fields import HarmlessOfItem, HarmlessOfText

__all__ = [
    "CallItem",
    "InputItem",
    "InputPart",
    "MessageItem",
    "PicturePart",
    "ReasoningItem",
    "ResultItem",
]


def _refuse_other_parts(kind: Any) -> Any:
    if isinstance(kind, str) and kind not in ("input_text", "output_text"):
        raise refuse_part(kind)
    return kind


def _refuse_other_items(kind: Any) -> Any:
    if isinstance(kind, str) and kind != "message":
        text = "items of type '{kind}' are not supported"
        raise PydanticCustomError("item", text, {"kind": kind})  # pyright: ignore[reportArgumentType]
    return kind


class InputPart(HarmlessOfText):
    """One part of a content that is text."""

    type: Annotated[Literal["input_text", "output_text"], BeforeValidator(_refuse_other_parts)]
    text: str


def _refuse_file(value: Any) -> Any:
    if value is not None:
        raise PydanticCustomError("file_id", "no files are stored here; send a data: URL")
    return value


class PicturePart(HarmlessOfPicture):
    """A picture in a user's message, for models that take pictures; it is read before the text."""

    type: Literal["input_image"]
    # in front of what is missing beside it
    file_id: Annotated[None, BeforeValidator(_refuse_file)] = Field(
        None, description="Not supported: no files are stored here."
    )
    image_url: str = Field(description=PICTURE_URL)


def _form_of(value: object) -> str:
    return "(parts)" if isinstance(value, list) else "(text)"


_Text = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[InputPart], Tag("(parts)")],
    Discriminator(_form_of),
]


_Part = Annotated[
    Annotated[InputPart, Tag("(text)")] | Annotated[PicturePart, Tag("(picture)")],
    picture_or_text("input_image"),
]
_Content = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[_Part], Tag("(parts)")],
    Discriminator(_form_of),
]


class MessageItem(HarmlessOfItem):
    """What somebody said; `developer` is the newer word for `system`."""

    type: Annotated[Literal["message"], BeforeValidator(_refuse_other_items)] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: _Content
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
    output: _Text


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
