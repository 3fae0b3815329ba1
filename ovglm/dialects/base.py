"""What a dialect is: how one GLM generation writes turns, thoughts and tools, as pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from ovglm.dialects.events import AnswerParser
from ovglm.dialects.history import Place
from ovglm.dialects.tools import ToolChoice
from ovglm.errors import OvglmError
from ovglm.messages import Constraint, Message

__all__ = ["Dialect", "Tools", "refuse_role"]

Tools = Sequence[Mapping[str, Any]]


class Dialect(Protocol):
    """How a GLM generation speaks. The text around the turns comes from the template itself.

    Tools are given as clients describe them: {"type": "function", "function": {…}}.
    """

    @property
    def name(self) -> str:
        """The name that manifests and the catalogue use."""
        ...

    @property
    def stop_tokens(self) -> tuple[str, ...]:
        """The control tokens that end an answer, where the vocabulary has them."""
        ...

    @property
    def tools(self) -> Literal["native", "instructed"]:
        """Whether the models were trained to call tools, or are only told how in the prompt."""
        ...

    @property
    def thinks(self) -> bool:
        """Whether the models think before they answer."""
        ...

    def check_history(self, messages: Sequence[Message], places: Sequence[Place] = ()) -> None:
        """Refuse calls and results of tools that do not belong together, and say which.

        places: what the messages are called, where that is not messages[0] and so on.
        """
        ...

    def render(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Write messages as this dialect's template reads them; refuse what it cannot say."""
        ...

    def template_tools(self, messages: Sequence[Message]) -> list[dict[str, Any]] | None:
        """Give the tools that the template reads beside the messages, None where it reads none."""
        ...

    def variables(self, thinks: bool | None = None) -> dict[str, Any]:
        """Give what else the template reads, to let the model think or not; None leaves it open.

        Raises OvglmError for a model that cannot do otherwise.
        """
        ...

    def parser(
        self, tools: Tools = (), *, thinks: bool = False, prompt_end: str = ""
    ) -> AnswerParser:
        """Make the parser of one answer, which only finds calls of `tools`.

        The answer's text should come with its control tokens left in (`Sampling.keep_special`);
        without them a second call, and a call behind a text, may be taken for text.
        thinks: thoughts are told apart; else they are text, as the model wrote them.
        prompt_end: the last characters of the prompt, control tokens included (some twenty will
        do): a template may have opened the thought there.
        """
        ...

    def constraint(
        self,
        tools: Tools,
        choice: ToolChoice,
        parallel: bool,
        *,
        thinks: bool | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> Constraint | None:
        """Hold an answer to the choice, to strict tools and to `schema`, so that it always parses.

        None where the answer is free. `structure.to_constraint` says what the text of a Constraint
        is. thinks: whether the prompt asks for thoughts; None where it leaves that open. schema:
        the JSON schema that an answer without calls must keep to.
        Raises OvglmError for a choice that the tools cannot fulfil.
        """
        ...


def refuse_role(role: str) -> OvglmError:
    """Make the error for a role that no dialect knows."""
    return OvglmError(f"A message has the role {role!r}", "use system, user, assistant or tool")
