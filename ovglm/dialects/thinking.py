"""Thoughts: what stands between `<think>` and `</think>` before an answer."""

from collections.abc import Callable

from ovglm.dialects.control_tokens import CONTROL_TOKENS, Marks
from ovglm.dialects.events import AnswerParser, Event, Thought
from ovglm.dialects.structure import ANY_TEXT, Form, tag

__all__ = ["FREE_THOUGHT", "ThinkingParser"]

_START = "<think>"
_END = "</think>"
# What a held answer begins with, whether the model or the prompt opens the thought.
FREE_THOUGHT: Form = tag("", ANY_TEXT, f"{_END}\n")
_MARKS = Marks((_END, *CONTROL_TOKENS))


class ThinkingParser:
    """An AnswerParser that splits the thoughts off and hands the rest to another one.

    A thought that is never closed is a thought to its end: it is not the answer. White space
    around the marks is layout.
    """

    def __init__(self, answer: AnswerParser, prompt_end: str = "") -> None:
        """prompt_end: how the prompt ends; some templates open the thought there already."""
        self._answer = answer
        self._rest = ""
        self._has_thought = False
        self._events: list[Event] = []
        is_open = prompt_end.rstrip().endswith(_START)
        self._step: Callable[[bool], bool] = self._read_thought if is_open else self._begin

    def push(self, text: str) -> list[Event]:
        """Take the next piece of the answer; give what is certain now."""
        self._rest += text
        return self._run(is_end=False)

    def finish(self) -> list[Event]:
        """End the answer."""
        return [*self._run(is_end=True), *self._answer.finish()]

    def _run(self, is_end: bool) -> list[Event]:
        while self._step(is_end):
            pass
        events, self._events = self._events, []
        return events

    def _begin(self, is_end: bool) -> bool:
        """Tell whether there is a thought; one that was closed in the prompt may close again."""
        text = self._rest.lstrip()
        marks = (_START, _END)
        if not is_end and any(mark.startswith(text) and mark != text for mark in marks):
            return False
        self._step = self._hand_on
        if text.startswith(_START):
            self._rest = text.removeprefix(_START)
            self._step = self._read_thought
        elif text.startswith(_END):
            self._rest = text.removeprefix(_END)
            self._step = self._skip_space
        return True

    def _read_thought(self, is_end: bool) -> bool:
        mark = _MARKS.find(self._rest)
        if mark is None:
            kept = 0 if is_end else _MARKS.begun(self._rest)
            text = self._rest[: len(self._rest) - kept].rstrip()
            self._think(text)
            self._rest = self._rest[len(text) :]
            return False
        text, self._rest = self._rest[: mark.start()], self._rest[mark.end() :]
        if mark[0] == _END:
            self._think(text.rstrip())
            self._step = self._skip_space
        else:
            self._think(text)
        return True

    def _think(self, text: str) -> None:
        if not self._has_thought:
            text = text.lstrip()
        if text:
            self._events.append(Thought(text))
            self._has_thought = True

    def _skip_space(self, is_end: bool) -> bool:
        self._rest = self._rest.lstrip()
        self._step = self._hand_on if self._rest else self._skip_space
        return bool(self._rest)

    def _hand_on(self, is_end: bool) -> bool:
        text, self._rest = self._rest, ""
        self._events += self._answer.push(text) if text else []
        return False
