"""The request of /v1/chat/completions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from ovglm_serve.schema.base import Int, JsonObject, Wire
from ovglm_serve.schema.messages import ChatMessage
from ovglm_serve.schema.sampling import SamplingFields
from ovglm_serve.schema.tools import Tool, ToolChoiceField

__all__ = [
    "ChatRequest",
    "JsonFormat",
    "ReasoningEffort",
    "ResponseFormat",
    "SchemaFormat",
    "TemplateOptions",
    "TextFormat",
]

_EXAMPLE: JsonValue = {
    "model": "nano",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "max_tokens": 64,
    "stream": False,
}

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class TextFormat(Wire):
    """Any text."""

    type: Literal["text"]


class JsonFormat(Wire):
    """Any JSON object."""

    type: Literal["json_object"]


class _NamedSchema(Wire):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = Field(None, description="For people; the model does not see it.")
    schema_: JsonObject = Field(alias="schema")
    strict: bool | None = Field(None, description="The schema is enforced either way.")


class SchemaFormat(Wire):
    """JSON that the schema allows."""

    type: Literal["json_schema"]
    json_schema: _NamedSchema


ResponseFormat = Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")]


class TemplateOptions(Wire):
    """Variables for the chat template; one is known."""

    enable_thinking: bool | None = None


class ChatRequest(SamplingFields):
    """A conversation to go on with, as OpenAI defines it, and some extensions."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: Int | None = Field(
        None, description="The same as max_tokens.", json_schema_extra={"minimum": 1}
    )
    logprobs: bool | None = None
    top_logprobs: Int | None = Field(
        None,
        description="0 to 20; needs logprobs.",
        json_schema_extra={"minimum": 0, "maximum": 20},
    )
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: ToolChoiceField | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: ReasoningEffort | None = Field(
        None, description="For models that think: none switches it off, all else on."
    )
    chat_template_kwargs: TemplateOptions | None = Field(None, description="Extension.")
