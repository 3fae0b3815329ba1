"""Takes answers apart into text and calls; how a call is written is the business of a style."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ovglm.dialects.control_tokens import CONTROL_TOKENS, NEXT_TURN, Marks, last_stops
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said

__all__ = ["Arguments", "CallParser", "CallStyle", "Head", "Schemas"]

Schemas = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Head:
    """The beginning of a call up to its arguments: the tool's name and how long it is."""

    name: str
    length: int


class Arguments(Protocol):
    """Turns the arguments of one call, as a style writes them, into one JSON object."""

    is_open: bool

    def push(self, text: str) -> tuple[str, str]:
        """Take more text; give more of the JSON, and the text that is not of the arguments."""
        ...

    def close(self) -> str:
        """Give what is missing to make the object whole."""
        ...


class CallStyle(Protocol):
    """How a call is written.

    `opening` and `closing` stand around it. Without them a call is a turn of its own: it stands
    where an answer begins, or after `<|assistant|>`. `starts_on_new_line`: the model writes the
    line break between `<|assistant|>` and a text itself, so it is layout.
    """

    @property
    def opening(self) -> str: ...

    @property
    def closing(self) -> str: ...

    @property
    def starts_on_new_line(self) -> bool: ...

    def read_head(self, text: str, schemas: Schemas) -> Head | Literal["unknown"] | None:
        """Find the beginning of a call; None: there is none; "unknown": more text will tell."""
        ...

    def arguments(self, schema: Mapping[str, Any]) -> Arguments:
        """Make the reader of one call's arguments."""
        ...


class CallParser:
    """The AnswerParser of one answer, decoded with its control tokens left in or left out.

    A call is one when its head is complete: a known tool, and the beginning of arguments. From
    then on it is not taken back. Where its arguments break off, at the limit of tokens or because
    they are no JSON, the object is closed (a member that has not begun its value is left out), and
    what follows is text again. Control tokens are never text; inside arguments they count as
    written, but for those at the very end.
    """

    def __init__(self, style: CallStyle, schemas: Schemas) -> None:
        """schemas: the JSON schema of the arguments of each tool, by name."""
        self._style = style
        self._schemas = schemas
        opening = (style.opening,) if style.opening else ()
        self._marks = Marks((*CONTROL_TOKENS, *opening))
        self._has_turns = not opening
        self._rest = ""
        self._space = ""
        self._has_said = False
        self._is_after_break = False
        self._calls = 0
        self._arguments: Arguments | None = None
        self._events: list[Event] = []
        self._step: Callable[[bool], bool] = self._begin_turn

    def push(self, text: str) -> list[Event]:
        """Take the next piece of the answer; give what is certain now."""
        self._rest += text
        return self._run(is_end=False)

    def finish(self) -> list[Event]:
        """End the answer."""
        return self._run(is_end=True)

    def _run(self, is_end: bool) -> list[Event]:
        while self._step(is_end):
            pass
        events, self._events = self._events, []
        return events

    def _say(self, text: str) -> None:
        if not text:
            return
        if self._is_after_break and self._has_said:
            text = "\n" + text
        self._events.append(Said(text))
        self._has_said, self._is_after_break = True, False

    def _begin_turn(self, is_end: bool) -> bool:
        """Tell a call from text, where there is no other mark of a call than its head."""
        if not self._rest:
            return False
        head = self._style.read_head(self._rest, self._schemas) if self._has_turns else None
        if head == "unknown" and not is_end:
            return False
        if isinstance(head, Head):
            return self._begin_call(head)
        if self._style.starts_on_new_line:
            self._rest = self._rest.removeprefix("\n")
        self._step = self._read_text
        return True

    def _read_text(self, is_end: bool) -> bool:
        mark = self._marks.find(self._rest)
        if mark is None:
            kept = 0 if is_end else self._marks.begun(self._rest)
            text = self._rest[: len(self._rest) - kept]
            if not self._has_turns and not is_end:
                text = text.rstrip()
            self._say(text)
            self._rest = self._rest[len(text) :]
            return False
        text, self._rest = self._rest[: mark.start()], self._rest[mark.end() :]
        if mark[0] == self._style.opening:
            self._space = text[len(text.rstrip()) :]
            self._say(text.rstrip())
            self._step = self._read_opening
            return True
        self._say(text)
        if mark[0] == NEXT_TURN and self._has_turns:
            self._is_after_break = True
            self._step = self._begin_turn
        return True

    def _read_opening(self, is_end: bool) -> bool:
        """Tell a call from text, behind the mark that opens one."""
        head = self._style.read_head(self._rest, self._schemas)
        if head == "unknown" and not is_end:
            return False
        if isinstance(head, Head):
            return self._begin_call(head)
        self._say(self._space + self._style.opening)
        self._step = self._read_text
        return True

    def _begin_call(self, head: Head) -> bool:
        self._events.append(CallBegan(self._calls, head.name))
        self._rest = self._rest[head.length :]
        self._arguments = self._style.arguments(self._schemas[head.name])
        self._step = self._read_arguments
        return True

    def _read_arguments(self, is_end: bool) -> bool:
        kept = last_stops(self._rest, is_end)
        text, kept_text = self._rest[: len(self._rest) - kept], self._rest[len(self._rest) - kept :]
        arguments = self._arguments
        if arguments is None:
            raise ValueError("no call has begun")
        grown, after = arguments.push(text)
        is_ended = is_end or not arguments.is_open
        grown += arguments.close() if is_ended else ""
        if grown:
            self._events.append(CallGrew(self._calls, grown))
        self._rest = after + kept_text
        if is_ended:
            self._events.append(CallEnded(self._calls))
            self._calls += 1
            self._step = self._read_closing
        return is_ended

    def _read_closing(self, is_end: bool) -> bool:
        """Step over what closes a call, and the white space after it."""
        self._rest = self._rest.lstrip()
        closing = self._style.closing
        if not is_end and len(self._rest) < len(closing) and closing.startswith(self._rest):
            return False
        self._rest = self._rest.removeprefix(closing)
        self._step = self._end_call
        return True

    def _end_call(self, is_end: bool) -> bool:
        self._rest = self._rest.lstrip()
        if not self._rest:
            return False
        self._is_after_break = True
        self._step = self._begin_turn
        return True
