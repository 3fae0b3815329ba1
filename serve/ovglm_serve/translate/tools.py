"""From a request's tools and its choice among them to what the dialects take."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovglm.dialects.tools import NamedTool, ToolChoice
from ovglm_serve.errors import ApiError
from ovglm_serve.schema.chat import ChatRequest
from ovglm_serve.schema.tools import NamedTool as ChosenTool
from ovglm_serve.schema.tools import Tool, ToolWord

__all__ = ["check_choice", "check_names", "to_choice", "to_tools"]


def to_tools(tools: Sequence[Tool] | None) -> tuple[Mapping[str, Any], ...]:
    """Write the tools down with what was given of them; refuse a name that comes twice."""
    tools = tools or ()
    check_names([tool.function.name for tool in tools], "function.name")
    return tuple(tool.model_dump(exclude_none=True) for tool in tools)


def to_choice(request: ChatRequest) -> ToolChoice:
    """Give the choice, by default `auto`; refuse one that the tools cannot fulfil."""
    choice = request.tool_choice
    names = [tool.function.name for tool in request.tools or ()]
    if isinstance(choice, ChosenTool):
        return check_choice(NamedTool(choice.function.name), names)
    return check_choice(choice or "auto", names)


def check_names(names: Sequence[str], field: str) -> None:
    """Refuse a name that comes twice. field: where in a tool it stands."""
    for place, name in enumerate(names):
        if (first := names.index(name)) < place:
            param = f"tools[{place}].{field}"
            text = f"'{param}': tools[{first}] is called {name!r} already"
            raise ApiError(400, text, param=param, code="invalid_value")


def check_choice(choice: ToolWord | NamedTool, names: Sequence[str]) -> ToolChoice:
    """Refuse a choice that the tools of these names cannot fulfil."""
    if isinstance(choice, NamedTool) and choice.name not in names:
        text = f"'tool_choice' names {choice.name!r}, which is not among the tools"
        raise ApiError(400, text, param="tool_choice", code="invalid_value")
    if choice == "required" and not names:
        text = "'tool_choice' is 'required', and there are no tools"
        raise ApiError(400, text, param="tool_choice", code="invalid_value")
    return choice
