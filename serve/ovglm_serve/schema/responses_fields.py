"""The fields of /v1/responses that do nothing by nature, and those that are refused with a reason.

Beside schema/harmless.py these are all that are accepted without an effect.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ovglm_serve.schema.base import Wire

__all__ = ["NEUTRAL", "HarmlessOfItem", "HarmlessOfResponse", "HarmlessOfText", "Refused"]

_QUIET = "Accepted; has no effect."
_STATELESS = "nothing is stored here; send the whole conversation as input"
_NO_BUILT_INS = "there are no built-in tools here; offer functions"
_WAITED_FOR = "an answer is made while its client waits for it"
# Values that ask for nothing, of fields that are refused otherwise.
NEUTRAL: Mapping[str, object] = {
    "background": False,
    "include": [],
    "store": False,
    "top_logprobs": 0,
    "truncation": "disabled",
}
# For the API's document; what comes is looked at by translate/responses_ask.py.
_Null = Annotated[Any, WithJsonSchema({"type": "null"})]
_NullOrFalse = Annotated[Any, WithJsonSchema({"enum": [None, False]})]
_NullOrZero = Annotated[Any, WithJsonSchema({"enum": [None, 0]})]
_NullOrNone = Annotated[Any, WithJsonSchema({"type": ["array", "null"], "maxItems": 0})]
_NullOrDisabled = Annotated[Any, WithJsonSchema({"enum": [None, "disabled"]})]


class HarmlessOfResponse(Wire):
    """For whom and for what a request is, how it is billed and cached."""

    user: str | None = Field(None, description="Given back; has no effect.")
    metadata: dict[str, str] | None = Field(None, description="Given back; has no effect.")
    safety_identifier: str | None = Field(None, description=_QUIET)
    service_tier: str | None = Field(None, description=_QUIET)
    prompt_cache_key: str | None = Field(None, description=_QUIET)
    prompt_cache_retention: str | None = Field(None, description=_QUIET)


class HarmlessOfItem(Wire):
    """What our own items carry, so that they can be sent back; a call's `call_id` names it."""

    id: str | None = Field(None, description=_QUIET)
    status: Literal["in_progress", "completed", "incomplete"] | None = Field(
        None, description=_QUIET
    )


class HarmlessOfText(Wire):
    """What our own texts carry: nothing is cited and nothing scored."""

    annotations: list[Any] | None = Field(None, max_length=0, description=_QUIET)
    logprobs: list[Any] | None = Field(None, max_length=0, description=_QUIET)


class Refused(Wire):
    """What is refused unless it is null or NEUTRAL; the description of each field says why."""

    background: _NullOrFalse = Field(None, description=_WAITED_FOR)
    context_management: _Null = Field(None, description=_STATELESS)
    conversation: _Null = Field(None, description=_STATELESS)
    include: _NullOrNone = Field(None, description="a response has all there is")
    max_tool_calls: _Null = Field(None, description=_NO_BUILT_INS)
    moderation: _Null = Field(None, description="nothing here moderates")
    previous_response_id: _Null = Field(None, description=_STATELESS)
    prompt: _Null = Field(None, description="no prompts are stored here")
    prompt_cache_options: _Null = Field(None, description="prompts are cached by themselves")
    store: _NullOrFalse = Field(None, description=_STATELESS)
    top_logprobs: _NullOrZero = Field(None, description="/v1/chat/completions has them")
    truncation: _NullOrDisabled = Field(None, description="nothing is left out of a conversation")
