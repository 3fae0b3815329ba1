"""The sampling fields that the chat and the completions share."""

from typing import Annotated

from pydantic import Discriminator, Field, JsonValue, Tag

from ovglm_serve.schema.base import Int
from ovglm_serve.schema.harmless import HarmlessOfRequest, HarmlessOfStream

__all__ = ["SamplingFields", "StreamOptions"]

_LINE = Field(min_length=1)


def _from_to(least: float | None = None, most: float | None = None) -> dict[str, JsonValue]:
    """Document limits that are checked elsewhere."""
    limits: dict[str, JsonValue] = {"minimum": least, "maximum": most}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _kind_of(value: object) -> str:
    return "(list)" if isinstance(value, list) else "(text)"


Stop = Annotated[
    Annotated[str, _LINE, Tag("(text)")]
    | Annotated[list[Annotated[str, _LINE]], Field(min_length=1, max_length=4), Tag("(list)")],
    Discriminator(_kind_of),
]


class StreamOptions(HarmlessOfStream):
    """What a stream has besides the answer."""

    include_usage: bool | None = None


class SamplingFields(HarmlessOfRequest):
    """How tokens are chosen, when an answer ends, and how it is sent.

    What is left out is as the model's generation_config.json recommends it. The limits of each
    value are those of ovglm.messages.Sampling.
    """

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Int | None = Field(
        None, description="The longest answer, in tokens.", json_schema_extra=_from_to(1)
    )
    temperature: float | None = Field(
        None, description="0 to 2; 0 takes the likeliest token.", json_schema_extra=_from_to(0, 2)
    )
    top_p: float | None = Field(
        None,
        description="Above 0, at most 1.",
        json_schema_extra={"exclusiveMinimum": 0, "maximum": 1},
    )
    n: Int | None = Field(
        None, description="How many answers, 1 to 16.", json_schema_extra=_from_to(1, 16)
    )
    stop: Stop | None = Field(None, description="1 to 4 texts that end the answer before them.")
    seed: Int | None = Field(
        None,
        description="0 or more; makes a sampled answer repeatable.",
        json_schema_extra=_from_to(0),
    )
    presence_penalty: float | None = Field(
        None, description="-2 to 2.", json_schema_extra=_from_to(-2, 2)
    )
    frequency_penalty: float | None = Field(
        None, description="-2 to 2.", json_schema_extra=_from_to(-2, 2)
    )
    top_k: Int | None = Field(
        None,
        description="Extension: keep the k likeliest; 0 keeps all.",
        json_schema_extra=_from_to(0),
    )
    min_p: float | None = Field(
        None,
        description="Extension: keep tokens at least so many times as likely as the best.",
        json_schema_extra={"minimum": 0, "exclusiveMaximum": 1},
    )
    repetition_penalty: float | None = Field(
        None,
        description="Extension: above 0, at most 10; 1 is off.",
        json_schema_extra={"exclusiveMinimum": 0, "maximum": 10},
    )
    ignore_eos: bool | None = Field(
        None, description="Extension: do not end before the length is reached."
    )
