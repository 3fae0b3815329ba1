"""The functions that a client offers, and how it wants them used."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ovglm_serve.schema.base import JsonObject, Wire

__all__ = ["FunctionName", "FunctionSpec", "NamedTool", "Tool", "ToolChoiceField", "ToolWord"]

ToolWord = Literal["none", "auto", "required"]

# OpenAI's rule; it also keeps line ends out of the models' own formats.
FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionSpec(Wire):
    """A function, with the JSON schema of its parameters."""

    name: FunctionName
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = Field(None, description="Hold the arguments to the schema.")


class Tool(Wire):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: FunctionSpec


class _Named(Wire):
    name: str


class NamedTool(Wire):
    """The function that must be called."""

    type: Literal["function"]
    function: _Named


def _kind_of(value: object) -> str:
    return "(named)" if isinstance(value, (dict, NamedTool)) else "(word)"


ToolChoiceField = Annotated[
    Annotated[ToolWord, Tag("(word)")] | Annotated[NamedTool, Tag("(named)")],
    Discriminator(_kind_of),
]
