"""The messages of a chat as clients send them."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from ovglm_serve.schema.base import Wire
from ovglm_serve.schema.harmless import (
    HarmlessOfAnswer,
    HarmlessOfCall,
    HarmlessOfFunction,
    HarmlessOfPicture,
    HarmlessOfTool,
)

__all__ = [
    "PICTURE_URL",
    "AssistantMessage",
    "CalledFunction",
    "ChatMessage",
    "Content",
    "ImagePart",
    "ImageUrl",
    "InstructionMessage",
    "TextPart",
    "ToolMessage",
    "ToolRequest",
    "UserMessage",
    "picture_or_text",
    "refuse_part",
]


# What a picture's URL can be, for the API's document.
PICTURE_URL = (
    "data:image/png;base64,… with a PNG, JPEG, WebP or GIF; where the server has an --image-root "
    "also a path in that folder or its file: URL. Nothing is fetched from elsewhere."
)


class TextPart(Wire):
    """One part of a content that is text."""

    type: Literal["text"]
    text: str

    @model_validator(mode="before")
    @classmethod
    def _refuse_other_kinds(cls, value: Any) -> Any:
        kind = value.get("type") if isinstance(value, dict) else "text"
        if isinstance(kind, str) and kind != "text":
            raise refuse_part(kind)
        return value


class ImageUrl(HarmlessOfPicture):
    """Where a picture is: in the URL itself, or in a file that the server may read."""

    url: str = Field(description=PICTURE_URL)


class ImagePart(Wire):
    """A picture in a user's message, for models that take pictures; it is read before the text."""

    type: Literal["image_url"]
    image_url: ImageUrl


def refuse_part(kind: str) -> PydanticCustomError:
    """Make the error for a part of a content that is not read where it stands."""
    why = "the models here read text and pictures only"
    if kind in ("image_url", "input_image"):
        why = "in a user's message pictures are: image_url in a chat, input_image in a response"
    text = "parts of type '{kind}' are not supported here: {why}"
    return PydanticCustomError("part", text, {"kind": kind, "why": why})


def _kind_of(value: object) -> str:
    return "(parts)" if isinstance(value, list) else "(text)"


Content = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[TextPart], Tag("(parts)")],
    Discriminator(_kind_of),
]


def picture_or_text(picture: str) -> Discriminator:
    """Tell the part that is a picture, of type `picture`, from all others."""

    def tag_of(value: object) -> str:
        kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
        return "(picture)" if kind == picture else "(text)"

    return Discriminator(tag_of)


_UserPart = Annotated[
    Annotated[TextPart, Tag("(text)")] | Annotated[ImagePart, Tag("(picture)")],
    picture_or_text("image_url"),
]
_UserContent = Annotated[
    Annotated[str, Tag("(text)")] | Annotated[list[_UserPart], Tag("(parts)")],
    Discriminator(_kind_of),
]


class InstructionMessage(Wire):
    """Instructions; `developer` is the newer word for `system`."""

    role: Literal["system", "developer"]
    content: Content


class UserMessage(Wire):
    """What the user says, and shows."""

    role: Literal["user"]
    content: _UserContent


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
