"""The request of /v1/completions."""

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, JsonValue, Tag

from ovglm_serve.schema.base import Int
from ovglm_serve.schema.sampling import SamplingFields

__all__ = ["CompletionRequest", "Prompt"]

_EXAMPLE: JsonValue = {"model": "nano", "prompt": "One, two, three,", "max_tokens": 16}

_TokenId = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Ids = Annotated[list[_TokenId], Field(min_length=1)]


def _kind_of(value: Any) -> str:
    if not isinstance(value, list):
        return "(text)"
    first = value[0] if value else None
    if isinstance(first, list):
        return "(lists of ids)"
    return "(ids)" if isinstance(first, int) else "(texts)"


Prompt = Annotated[
    Annotated[str, Field(min_length=1), Tag("(text)")]
    | Annotated[_Ids, Tag("(ids)")]
    | Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(min_length=1, max_length=128),
        Tag("(texts)"),
    ]
    | Annotated[list[_Ids], Field(max_length=128), Tag("(lists of ids)")],
    Discriminator(_kind_of),
]


class CompletionRequest(SamplingFields):
    """Text or token ids to go on with, without a chat template."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    prompt: Prompt
    max_tokens: Int | None = Field(
        16, description="The longest answer, in tokens.", json_schema_extra={"minimum": 1}
    )
    echo: bool | None = Field(None, description="Put the prompt in front of each answer.")
    logprobs: Int | None = Field(
        None,
        description="0 to 5: so many of the likeliest tokens.",
        json_schema_extra={"minimum": 0, "maximum": 5},
    )
