"""The request of /v1/responses."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag
from pydantic_core import PydanticCustomError

from ovglm_serve.schema.base import Int, JsonObject, Wire
from ovglm_serve.schema.chat import JsonFormat, ReasoningEffort, TextFormat
from ovglm_serve.schema.harmless import HarmlessOfStream
from ovglm_serve.schema.responses_fields import HarmlessOfResponse, Refused
from ovglm_serve.schema.responses_items import InputItem
from ovglm_serve.schema.tools import FunctionSpec, ToolWord

__all__ = ["FlatSchemaFormat", "FunctionTool", "NamedFunction", "ResponseRequest"]

_EXAMPLE: JsonValue = {
    "model": "nano",
    "input": "What is the capital of France?",
    "max_output_tokens": 64,
}


def _refuse_built_ins(kind: Any) -> Any:
    if isinstance(kind, str) and kind != "function":
        text = "tools of type '{kind}' are not supported: only functions of the client are"
        raise PydanticCustomError("tool", text, {"kind": kind})  # pyright: ignore[reportArgumentType]
    return kind


_Function = Annotated[Literal["function"], BeforeValidator(_refuse_built_ins)]


class _Tool(Wire):
    type: _Function


class FunctionTool(FunctionSpec, _Tool):
    """A function, with the JSON schema of its parameters; functions are the only kind."""


class NamedFunction(Wire):
    """The function that must be called."""

    type: _Function
    name: str


def _choice_of(value: object) -> str:
    return "(named)" if isinstance(value, (dict, NamedFunction)) else "(word)"


_ToolChoice = Annotated[
    Annotated[ToolWord, Tag("(word)")] | Annotated[NamedFunction, Tag("(named)")],
    Discriminator(_choice_of),
]


class FlatSchemaFormat(Wire):
    """JSON that the schema allows."""

    type: Literal["json_schema"]
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    schema_: JsonObject = Field(alias="schema")
    description: str | None = Field(None, description="For people; the model does not see it.")
    strict: bool | None = Field(None, description="The schema is enforced either way.")


class TextOptions(Wire):
    """How the text of the answer is to look."""

    format: (
        Annotated[TextFormat | JsonFormat | FlatSchemaFormat, Field(discriminator="type")] | None
    ) = None
    verbosity: Literal["medium"] | None = Field(None, description="Accepted; has no effect.")


class ReasoningOptions(Wire):
    """Whether to think."""

    effort: ReasoningEffort | None = Field(
        None, description="For models that think: none switches it off, all else on."
    )
    summary: None = Field(None, description="Not supported: thoughts come in full.")
    generate_summary: None = Field(None, description="Not supported: thoughts come in full.")


def _input_of(value: object) -> str:
    return "(items)" if isinstance(value, list) else "(text)"


class ResponseRequest(HarmlessOfResponse, Refused):
    """A conversation to go on with, as OpenAI defines it for its newer API. Nothing is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    model: str
    input: Annotated[
        Annotated[str, Tag("(text)")]
        | Annotated[list[InputItem], Field(min_length=1), Tag("(items)")],
        Discriminator(_input_of),
    ]
    instructions: str | None = Field(None, description="A system message in front of the input.")
    max_output_tokens: Int | None = Field(None, description="The longest answer, in tokens.")
    temperature: float | None = Field(None, description="0 to 2; 0 takes the likeliest token.")
    top_p: float | None = Field(None, description="Above 0, at most 1.")
    stream: bool | None = None
    stream_options: HarmlessOfStream | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    tools: list[FunctionTool] | None = Field(None, max_length=128)
    tool_choice: _ToolChoice | None = None
    parallel_tool_calls: bool | None = None
