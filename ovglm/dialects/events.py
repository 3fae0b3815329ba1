"""What an answer consists of, as events in the order they become known; knows no dialect."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ovglm.messages import ToolCall

__all__ = [
    "Answer",
    "AnswerParser",
    "CallBegan",
    "CallEnded",
    "CallGrew",
    "Event",
    "Said",
    "Thought",
    "join_events",
    "read_answer",
]


@dataclass(frozen=True)
class Said:
    """More of the text that the user is to read."""

    text: str


@dataclass(frozen=True)
class Thought:
    """More of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True)
class CallBegan:
    """A call of the tool `name`, the `index`-th call of this answer, counted from 0."""

    index: int
    name: str


@dataclass(frozen=True)
class CallGrew:
    """More of the arguments' JSON."""

    index: int
    text: str


@dataclass(frozen=True)
class CallEnded:
    """The arguments are whole: all their pieces together are one JSON object."""

    index: int


Event = Said | Thought | CallBegan | CallGrew | CallEnded


class AnswerParser(Protocol):
    """Takes one answer apart while it is made; keeps state, so it serves one answer only.

    However an answer is cut into pieces, the joined events are the same.
    """

    def push(self, text: str) -> list[Event]:
        """Take the next piece of the answer; give what is certain now."""
        ...

    def finish(self) -> list[Event]:
        """End the answer; every call that began is ended, and nothing is kept back."""
        ...


@dataclass(frozen=True)
class Answer:
    """A finished answer, taken apart; its calls have no id."""

    content: str
    thought: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


def join_events(events: Iterable[Event]) -> Answer:
    """Put the pieces of one answer together."""
    content = thought = ""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for event in events:
        match event:
            case Said(text):
                content += text
            case Thought(text):
                thought += text
            case CallBegan(index, name):
                names[index], arguments[index] = name, ""
            case CallGrew(index, text):
                arguments[index] += text
    calls = tuple(ToolCall(name, arguments[index]) for index, name in names.items())
    return Answer(content, thought, calls)


def read_answer(parser: AnswerParser, text: str) -> Answer:
    """Take a whole answer apart."""
    return join_events([*parser.push(text), *parser.finish()])
