"""What all dialects share: answers whose calls are written in one style, read and held to it."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from ovglm.dialects.base import Tools
from ovglm.dialects.call_parser import CallParser, CallStyle
from ovglm.dialects.control_tokens import STOP_TOKENS
from ovglm.dialects.events import AnswerParser
from ovglm.dialects.held_answers import CallForms, hold
from ovglm.dialects.history import check_history
from ovglm.dialects.structure import Form, sequence, to_constraint
from ovglm.dialects.thinking import ThinkingParser
from ovglm.dialects.tools import ToolChoice, tool_schemas
from ovglm.errors import OvglmError
from ovglm.messages import Constraint

__all__ = ["CallingDialect"]


class Style(CallStyle, CallForms, Protocol):
    """How calls are written, and the forms that hold answers to that; it keeps no state."""


class CallingDialect:
    """The half of a Dialect that follows from its style of calls; the other half writes turns."""

    name: str
    style: Style
    stop_tokens = STOP_TOKENS
    tools: Literal["native", "instructed"] = "native"
    thinks = False
    check_history = staticmethod(check_history)

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        if thinks:
            raise OvglmError(
                f"A {self.name} model does not think before it answers", "use a GLM-Z1 or GLM-4.5"
            )
        return {}

    def parser(
        self, tools: Tools = (), *, thinks: bool = False, prompt_end: str = ""
    ) -> AnswerParser:
        parser = CallParser(self.style, tool_schemas(tools))
        return ThinkingParser(parser, prompt_end) if thinks else parser

    def constraint(
        self,
        tools: Tools,
        choice: ToolChoice,
        parallel: bool,
        *,
        thinks: bool | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Constraint | None:
        form = hold(self.style, tools, choice, parallel, schema)
        if form is None:
            return None
        before = self._before_answer(thinks)
        return to_constraint(sequence(before, form) if before else form)

    def _before_answer(self, thinks: bool | None) -> Form | None:
        """Give the form of what stands before the answer, None where nothing does."""
        return None
