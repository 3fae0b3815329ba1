"""From a request's tools and its choice among them to what the dialects take."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovglm.dialects.tools import NamedTool, ToolChoice
from ovglm_serve.errors import ApiError
from ovglm_serve.schema.chat import ChatRequest
from ovglm_serve.schema.tools import NamedTool as ChosenTool
from ovglm_serve.schema.tools import Tool

__all__ = ["to_choice", "to_tools"]


def to_tools(tools: Sequence[Tool] | None) -> tuple[Mapping[str, Any], ...]:
    """Write the tools down with what was given of them; refuse a name that comes twice."""
    seen: dict[str, int] = {}
    for place, tool in enumerate(tools or ()):
        name = tool.function.name
        if name in seen:
            param = f"tools[{place}].function.name"
            text = f"'{param}': tools[{seen[name]}] is called {name!r} already"
            raise ApiError(400, text, param=param, code="invalid_value")
        seen[name] = place
    return tuple(tool.model_dump(exclude_none=True) for tool in tools or ())


def to_choice(request: ChatRequest) -> ToolChoice:
    """Give the choice, by default `auto`; refuse one that the tools cannot fulfil."""
    choice = request.tool_choice
    names = {tool.function.name for tool in request.tools or ()}
    if isinstance(choice, ChosenTool):
        name = choice.function.name
        if name not in names:
            text = f"'tool_choice' names {name!r}, which is not among the tools"
            raise ApiError(400, text, param="tool_choice", code="invalid_value")
        return NamedTool(name)
    if choice == "required" and not names:
        text = "'tool_choice' is 'required', and there are no tools"
        raise ApiError(400, text, param="tool_choice", code="invalid_value")
    return choice or "auto"
