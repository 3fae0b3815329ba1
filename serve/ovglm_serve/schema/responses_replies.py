"""What clients of /v1/responses get, as OpenAI defines it."""

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

__all__ = [
    "CallOutput",
    "MessageOutput",
    "OutputItem",
    "OutputText",
    "ReasoningOutput",
    "ReasoningText",
    "ResponseReply",
    "ResponseUsage",
    "Status",
]

Status = Literal["in_progress", "completed", "incomplete"]


class OutputText(TypedDict):
    """What was said."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class MessageOutput(TypedDict):
    """A message of the model."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Status
    content: list[OutputText]


class CallOutput(TypedDict):
    """A call that the model asks for; `arguments` is the text of a JSON object."""

    id: str
    type: Literal["function_call"]
    status: Status
    call_id: str
    name: str
    arguments: str


class ReasoningText(TypedDict):
    """What was thought."""

    type: Literal["reasoning_text"]
    text: str


class ReasoningOutput(TypedDict):
    """What the model thought, in full; there are no summaries."""

    id: str
    type: Literal["reasoning"]
    status: Status
    summary: list[Any]
    content: list[ReasoningText]


OutputItem = MessageOutput | CallOutput | ReasoningOutput


class _InputDetails(TypedDict):
    cached_tokens: int
    cache_write_tokens: int


class _OutputDetails(TypedDict):
    reasoning_tokens: int


class ResponseUsage(TypedDict):
    """Counted tokens. reasoning_tokens: as many as the thought has when it is encoded."""

    input_tokens: int
    input_tokens_details: _InputDetails
    output_tokens: int
    output_tokens_details: _OutputDetails
    total_tokens: int


class _Incomplete(TypedDict):
    reason: Literal["max_output_tokens"]


class _Failure(TypedDict):
    code: str
    message: str


class _Text(TypedDict):
    format: dict[str, Any]


class _Reasoning(TypedDict):
    effort: str | None
    summary: None


class ResponseReply(TypedDict):
    """The reply of /v1/responses, and what the first and the last events of its stream carry.

    `system_fingerprint` is an extension: equal ones give equal texts.
    """

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    error: _Failure | None
    incomplete_details: _Incomplete | None
    model: str
    system_fingerprint: str
    output: list[OutputItem]
    usage: ResponseUsage | None
    background: Literal[False]
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    parallel_tool_calls: bool
    previous_response_id: None
    reasoning: _Reasoning
    store: Literal[False]
    temperature: float
    text: _Text
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_p: float
    truncation: Literal["disabled"]
    user: NotRequired[str]
