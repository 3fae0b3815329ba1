"""Events of an answer put together again."""

from ovglm.dialects import Answer, dialect_for, join_events, read_answer
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said, Thought
from ovglm.messages import ToolCall


def test_events_come_together_by_kind_and_by_call() -> None:
    events: list[Event] = [
        Thought("Let me "), Thought("see."), Said("One "), Said("moment."),
        CallBegan(0, "a"), CallGrew(0, "{"), CallGrew(0, "}"), CallEnded(0),
        CallBegan(1, "b"), CallGrew(1, '{"x": 1}'), CallEnded(1),
    ]  # fmt: skip
    calls = (ToolCall("a", "{}"), ToolCall("b", '{"x": 1}'))
    assert join_events(events) == Answer("One moment.", "Let me see.", calls)


def test_no_events_are_an_empty_answer() -> None:
    assert join_events([]) == Answer("")


def test_a_whole_answer_is_read_to_its_end() -> None:
    assert read_answer(dialect_for("glm4").parser(), "\nIs 1 <") == Answer("Is 1 <")
