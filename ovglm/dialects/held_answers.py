"""Which form an answer is held to, from the tools and the client's choice among them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ovglm.dialects.structure import Form, one_of
from ovglm.dialects.tools import ANYTHING, NamedTool, Tool, ToolChoice, read_tools
from ovglm.errors import OvglmError

__all__ = ["CallForms", "hold"]


class CallForms(Protocol):
    """The forms that a style of calls gives to answers."""

    def calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        """One call or more, and nothing else."""
        ...

    def text_or_calls(self, tools: Sequence[Tool], is_single: bool) -> Form:
        """Any text that is not taken for a call, and calls."""
        ...

    def json_text(self, schema: Mapping[str, Any]) -> Form:
        """A text that is JSON and nothing else; like `calls` without an end of its own."""
        ...


def hold(
    forms: CallForms,
    tools: Iterable[Mapping[str, Any]],
    choice: ToolChoice,
    parallel: bool,
    schema: Mapping[str, Any] | None,
) -> Form | None:
    """Give the form of an answer; None where it is free.

    A required call and a named one keep to their schema. A call that the model is free to make
    does if its tool is strict. `schema` is for an answer without calls.
    """
    known = read_tools(tools)
    if isinstance(choice, NamedTool):
        named = [tool for tool in known if tool.name == choice.name]
        if not named:
            names = ", ".join(tool.name for tool in known) or "there are none"
            raise OvglmError(f"{choice.name!r} is not among the tools", f"the tools: {names}")
        return forms.calls(named, is_single=True)
    if choice == "required":
        if not known:
            raise OvglmError("A call is required, and there are no tools", "offer a tool")
        return forms.calls(known, is_single=not parallel)
    held = [tool if tool.is_strict else replace(tool, schema=ANYTHING) for tool in known]
    if schema is not None:
        text = forms.json_text(schema)
        can_call = held and choice == "auto"
        return one_of(text, forms.calls(held, is_single=not parallel)) if can_call else text
    if choice == "none" or not any(tool.is_strict for tool in known):
        return None
    return forms.text_or_calls(held, is_single=not parallel)
