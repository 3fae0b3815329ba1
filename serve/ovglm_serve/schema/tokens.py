"""The requests of /v1/tokenize and /v1/detokenize."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, model_validator
from typing_extensions import Self

from ovglm_serve.schema.base import Wire
from ovglm_serve.schema.messages import ChatMessage
from ovglm_serve.schema.tools import Tool

__all__ = ["DetokenizeRequest", "TokenizeRequest"]

_TEXT: JsonValue = {"model": "nano", "prompt": "Hello"}
_MESSAGES: JsonValue = {"model": "nano", "messages": [{"role": "user", "content": "Hello"}]}
_IDS: JsonValue = {"model": "nano", "tokens": [72, 105]}


class TokenizeRequest(Wire):
    """A text as it stands, or messages as the chat template writes them."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXT, _MESSAGES]})

    model: str
    prompt: str | None = None
    messages: list[ChatMessage] | None = Field(None, min_length=1)
    tools: list[Tool] | None = Field(None, max_length=128)

    @model_validator(mode="after")
    def _check_one_of_both(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("give either 'prompt' or 'messages'")
        if self.tools and self.messages is None:
            raise ValueError("'tools' needs 'messages'")
        return self


class DetokenizeRequest(Wire):
    """Token ids."""

    model_config = ConfigDict(json_schema_extra={"examples": [_IDS]})

    model: str
    tokens: list[Annotated[int, Field(ge=0, le=2**31 - 1)]]
