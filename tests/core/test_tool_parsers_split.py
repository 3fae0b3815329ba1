"""However an answer is cut into pieces, its events are the same, and calls are always JSON."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovglm.dialects import DIALECTS, dialect_for, join_events, read_answer
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said, Thought

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"s": {"type": "string"}, "n": {}}},
        },
    }
    for name in ("get", "get_time")
]
FRAGMENTS = (
    "get", "get_time", "get\n{", "get_time \n", "<tool_call>", "<tool_call>get\n{", "</tool_call>",
    "<tool_call>get_time\n", "<arg_key>", "<arg_key>s</arg_key>", "<arg_key>n</arg_key>\n",
    "<arg_value>", "</arg_value>", "<think>", "</think>", "<|assistant|>", "<|observation|>",
    "<|user|>", "<|endoftext|>", "<|ass", "<", "</", "\n", " ", "{", "}", "{}", '{"', '"', ": ",
    ":", ",", "[", "]", '"s": "', "\\", "\\u00e", "\\u00e9", "\\n", "1", "-2.5e3", "true", "nul",
    "é", "你", '{"s": "你好"}', '{"n": [1, {"s": null}]}', "text",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)
SPLITS = st.lists(st.integers(0, 120), max_size=20)
# The same cases each time, and no clock: a slow machine is no failure.
CASES = settings(max_examples=300, derandomize=True, deadline=None, database=None)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def _join(events: list[Event]) -> list[Event]:
    """Put neighbours of one kind together."""
    joined: list[Event] = []
    for event in events:
        match joined[-1] if joined else None, event:
            case Said(before), Said(text):
                joined[-1] = Said(before + text)
            case Thought(before), Thought(text):
                joined[-1] = Thought(before + text)
            case CallGrew(index, before), CallGrew(_, text):
                joined[-1] = CallGrew(index, before + text)
            case _:
                joined.append(event)
    return joined


def _cut(text: str, splits: list[int]) -> list[str]:
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in splits)})
    return [text[start:end] for start, end in pairwise(places)]


def _check(events: list[Event]) -> None:
    """Check that calls begin, grow and end one after the other, and are JSON objects."""
    open_call: int | None = None
    calls = 0
    for event in events:
        match event:
            case CallBegan(index, name):
                assert open_call is None and index == calls and name in ("get", "get_time")
                open_call = index
            case CallGrew(index, text):
                assert index == open_call and text
            case CallEnded(index):
                assert index == open_call
                open_call, calls = None, calls + 1
            case _:
                assert open_call is None and event.text
    assert open_call is None
    for call in join_events(events).tool_calls:
        assert isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize("thinks", [False, True])
@pytest.mark.parametrize("name", DIALECTS)
@CASES
@given(text=TEXTS, splits=SPLITS)
def test_any_split_gives_the_same_events(
    name: str, thinks: bool, text: str, splits: list[int]
) -> None:
    whole = dialect_for(name).parser(TOOLS, thinks=thinks)
    expected = _join([*whole.push(text), *whole.finish()])
    parser = dialect_for(name).parser(TOOLS, thinks=thinks)
    events = [event for piece in _cut(text, splits) for event in parser.push(piece)]
    events += parser.finish()
    _check(events)
    assert _join(events) == expected


@pytest.mark.parametrize(("name", "frame"), [
    ("glm4", "get\n{}<|observation|>"),
    ("glm_edge", "<tool_call>get\n{}\n</tool_call>"),
])  # fmt: skip
@CASES
@given(
    value=st.dictionaries(st.text(max_size=4), VALUES, max_size=3), splits=SPLITS, data=st.data()
)
def test_any_object_arrives_and_any_cut_of_it_is_json(
    name: str, frame: str, value: dict[str, Any], splits: list[int], data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    answer = read_answer(dialect_for(name).parser(TOOLS), frame.replace("{}", text))
    assert [json.loads(call.arguments) for call in answer.tool_calls] == [value]
    assert answer.content == ""
    cut = data.draw(st.integers(0, len(text)))
    parser = dialect_for(name).parser(TOOLS)
    pieces = _cut(frame.partition("{}")[0] + text[:cut], splits)
    _check([*(event for piece in pieces for event in parser.push(piece)), *parser.finish()])


@CASES
@given(text=st.text(max_size=12), splits=SPLITS)
def test_any_text_arrives_in_glm45_as_it_is(text: str, splits: list[int]) -> None:
    answer = f"<tool_call>get\n<arg_key>s</arg_key>\n<arg_value>{text}</arg_value>\n</tool_call>"
    parser = dialect_for("glm45").parser(TOOLS)
    events = [event for piece in _cut(answer, splits) for event in parser.push(piece)]
    (call,) = join_events([*events, *parser.finish()]).tool_calls
    assert json.loads(call.arguments) == {"s": text}
