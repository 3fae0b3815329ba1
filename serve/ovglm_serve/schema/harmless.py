"""The fields of a request that are accepted and do nothing, because by nature they have no effect.

This is the whole list for chat and completions; that of /v1/responses stands with its fields.
"""

from typing import Any, Literal

from pydantic import Field

from ovglm_serve.schema.base import Int, Wire

__all__ = [
    "HarmlessOfAnswer",
    "HarmlessOfCall",
    "HarmlessOfFunction",
    "HarmlessOfPicture",
    "HarmlessOfRequest",
    "HarmlessOfStream",
    "HarmlessOfTool",
]

_QUIET = "Accepted; has no effect."


class HarmlessOfRequest(Wire):
    """For whom and for what a request is, how it is billed and cached, and defaults said aloud."""

    user: str | None = Field(None, description=_QUIET)
    safety_identifier: str | None = Field(None, description=_QUIET)
    metadata: dict[str, str] | None = Field(None, description=_QUIET)
    service_tier: str | None = Field(None, description=_QUIET)
    prompt_cache_key: str | None = Field(None, description=_QUIET)
    prompt_cache_retention: str | None = Field(None, description=_QUIET)
    store: Literal[False] | None = Field(None, description="Nothing is ever stored.")
    modalities: list[Literal["text"]] | None = Field(None, description="Answers are text.")
    verbosity: Literal["medium"] | None = Field(None, description=_QUIET)


class HarmlessOfStream(Wire):
    """Padding against readers of encrypted traffic, which is not done."""

    include_obfuscation: Literal[False] | None = Field(None, description=_QUIET)


class HarmlessOfCall(Wire):
    """The place of a call among the others, which clients leave in from a stream."""

    index: Int | None = Field(None, description=_QUIET)


class HarmlessOfFunction(Wire):
    """What the openai package makes of `arguments`, and leaves in when a message is sent back."""

    parsed_arguments: Any = Field(None, description=_QUIET)


class HarmlessOfAnswer(Wire):
    """What the openai package makes of `content`, and leaves in when a message is sent back."""

    parsed: Any = Field(None, description=_QUIET)


class HarmlessOfPicture(Wire):
    """How closely to look: a model's tower sees every picture at the one size that it has."""

    detail: Literal["auto", "low", "high", "original"] | None = Field(None, description=_QUIET)


class HarmlessOfTool(Wire):
    """The name of the function whose result this is; `tool_call_id` says it already."""

    name: str | None = Field(None, description=_QUIET)
