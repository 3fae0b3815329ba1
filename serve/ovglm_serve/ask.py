"""What one request asks for, in the terms of ovglm: all wire formats come to this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ovglm.dialects.history import Place
from ovglm.dialects.tools import ToolChoice
from ovglm.messages import Message, Sampling

__all__ = ["Ask", "NamedPicture", "TextAsk"]


@dataclass(frozen=True)
class NamedPicture:
    """A picture as a request names it, not read yet.

    message: the number of the message that it belongs to. url: as it came. part, param: what the
    request calls the part that it is, and the field of that part with the URL.
    """

    message: int
    url: str = field(repr=False)
    part: str
    param: str


@dataclass(frozen=True)
class Ask:
    """Go on with a conversation.

    places: what the request calls its messages, where that is not messages[0] and so on.
    pictures: those that are still to be read and put into the messages.
    tools: function descriptions, {"type": "function", "function": {...}}; `strict` in them is an
    order, not for the model's eyes. schema: the JSON schema that the answer must keep to.
    thinks: whether the model is to think first; None leaves it to the model. thinks_field: the
    field of the request that said so.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    places: tuple[Place, ...] = ()
    pictures: tuple[NamedPicture, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel: bool = True
    schema: Mapping[str, Any] | None = None
    thinks: bool | None = None
    thinks_field: str = "reasoning_effort"
    is_streamed: bool = False
    include_usage: bool = False


@dataclass(frozen=True)
class TextAsk:
    """Go on with texts or token ids as they stand."""

    model: str
    prompts: tuple[str | tuple[int, ...], ...]
    sampling: Sampling
    echo: bool = False
    is_streamed: bool = False
    include_usage: bool = False
