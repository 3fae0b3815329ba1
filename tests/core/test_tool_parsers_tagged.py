"""Calls between tags: GLM-Edge's, which are our own, and GLM-4.5's, which are XML."""

import json
from typing import Any

import pytest

from ovglm.dialects import Answer, dialect_for, read_answer
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said
from ovglm.messages import ToolCall

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "unit": {"enum": ["C", "F"]},
        "near": {"type": ["string", "null"]},
        "by": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "tags": {"type": "array"},
    },
}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "get_time"}},
]
EDGE_CALL = '<tool_call>get_weather\n{"city": "X"}\n</tool_call>'
XML_CALL = "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>X</arg_value>\n</tool_call>"
MEMBER = "<arg_key>city</arg_key><arg_value>X</arg_value>"
CALL = ToolCall("get_weather", '{"city": "X"}')
TIME = ToolCall("get_time", "{}")


def _read(name: str, text: str) -> Answer:
    return read_answer(dialect_for(name).parser(TOOLS), text)


@pytest.mark.parametrize(("name", "call"), [("glm_edge", EDGE_CALL), ("glm45", XML_CALL)])
@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ("Hello <b>you</b>\n", "Hello <b>you</b>\n", ()),
        ("{call}", "", (CALL,)),
        ("\n{call}\n<|observation|>", "", (CALL,)),
        ("One moment.\n\n{call}", "One moment.", (CALL,)),
        ("{call}\n{call}<|observation|>", "", (CALL, CALL)),
        ("{call}\n\nThat is all.", "That is all.", (CALL,)),
        ("A.\n{call}\nB.\n{call}", "A.\nB.", (CALL, CALL)),
        ("<tool_call>delete_all\n{{}}</tool_call>", "<tool_call>delete_all\n{}</tool_call>", ()),
        ("I write <tool_call>.", "I write <tool_call>.", ()),
        ("a <tool_call> get", "a <tool_call> get", ()),
        ("a<|user|>", "a", ()),
    ],
)
def test_calls_and_texts_are_told_apart(
    name: str, call: str, text: str, content: str, calls: tuple[ToolCall, ...]
) -> None:
    answer = _read(name, text.format(call=call))
    assert (answer.content, answer.tool_calls) == (content, calls)


def test_only_glm45_takes_the_first_line_break_for_layout() -> None:
    assert _read("glm45", "\nHi").content == "Hi"
    assert _read("glm_edge", "\nHi").content == "\nHi"


@pytest.mark.parametrize("name", ["glm_edge", "glm45"])
def test_without_tools_all_is_text(name: str) -> None:
    parser = dialect_for(name).parser()
    assert read_answer(parser, EDGE_CALL) == Answer(EDGE_CALL)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('<tool_call>get_weather\n{"city": "X"}</tool_call>', '{"city": "X"}'),
        ('<tool_call>\nget_weather\n{"city": "X"}', '{"city": "X"}'),
        ('<tool_call>get_weather\n{"city": "X', '{"city": "X"}'),
        ('<tool_call>get_weather\n{"city": "</tool_call>"}', '{"city": "</tool_call>"}'),
    ],
)
def test_glm_edge_calls_need_not_be_tidy(text: str, arguments: str) -> None:
    assert _read("glm_edge", text) == Answer("", "", (ToolCall("get_weather", arguments),))


def _member(key: str, value: str) -> str:
    return f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("city", "北京", "北京"),
        ("city", "123", "123"),
        ("city", 'a "b" \\ \n c', 'a "b" \\ \n c'),
        ("city", "<|user|> <b", "<|user|> <b"),
        ("days", "3", 3),
        ("days", " 3\n", 3),
        ("days", "three", "three"),
        ("unit", "C", "C"),
        ("unit", "1", "1"),
        ("near", "null", None),
        ("near", "123", "123"),
        ("near", "Rome", "Rome"),
        ("near", '"Rome"', '"Rome"'),
        ("by", "7", 7),
        ("by", "true", "true"),
        ("tags", '["a", {"b": 1}]', ["a", {"b": 1}]),
        ("tags", "['a']", "['a']"),
        ("unknown", "true", True),
        ("unknown", "yes", "yes"),
        ("unknown", "NaN", "NaN"),
    ],
)
def test_glm45_values_have_the_type_that_their_schema_says(
    key: str, value: str, expected: object
) -> None:
    text = f"<tool_call>get_weather\n{_member(key, value)}</tool_call><|observation|>"
    (call,) = _read("glm45", text).tool_calls
    assert json.loads(call.arguments) == {key: expected}


@pytest.mark.parametrize(
    ("text", "arguments", "content"),
    [
        ("get_weather</tool_call>", "{}", ""),
        ("get_weather\n\n</tool_call>", "{}", ""),
        (f"get_weather{MEMBER}</tool_call>", '{"city": "X"}', ""),
        ("get_weather\n<arg_key>ci", "{}", ""),
        ("get_weather\n<arg_key>city</arg_key>\n<arg_va", "{}", ""),
        ("get_weather\n<arg_key>city</arg_key>\n<arg_value>Bei</arg", '{"city": "Bei"}', ""),
        ("get_weather\n<arg_key>days</arg_key>\n<arg_value>1", "{}", ""),
        (f"get_weather\n{_member('city', 'X')}<|observation|>", '{"city": "X"}', ""),
        (f"get_weather\n{_member('city', 'X')}and so on", '{"city": "X"}', "and so on"),
        ("get_weather\n<arg_key>a</arg_key>, X", "{}", "<arg_key>a</arg_key>, X"),
    ],
)
def test_a_glm45_call_that_breaks_off_is_closed(text: str, arguments: str, content: str) -> None:
    answer = _read("glm45", f"<tool_call>{text}")
    assert answer == Answer(content, "", (ToolCall("get_weather", arguments),))


def _stream(name: str, *pieces: str) -> list[list[Event]]:
    parser = dialect_for(name).parser(TOOLS)
    return [*map(parser.push, pieces), parser.finish()]


def test_a_glm45_text_grows_while_it_is_written() -> None:
    pieces = (
        "<tool_call>get_weather\n", "<arg_key>", "city</arg_key>", "<arg_value>Bei", "jing</",
        "arg_value>", "<arg_key>days</arg_key><arg_value>1", "2</arg_value>", "</tool_call>",
    )  # fmt: skip
    assert _stream("glm45", *pieces) == [
        [],
        [CallBegan(0, "get_weather"), CallGrew(0, "{")],
        [],
        [CallGrew(0, '"city": "Bei')],
        [CallGrew(0, "jing")],
        [CallGrew(0, '"')],
        [],
        [CallGrew(0, ', "days": 12')],
        [CallGrew(0, "}"), CallEnded(0)],
        [],
    ]


def test_white_space_before_a_call_is_kept_back_and_dropped() -> None:
    assert _stream("glm_edge", "A.", "\n\n", "<tool_call>get_time\n{}", "\n</tool_call>", "\n") == [
        [Said("A.")],
        [],
        [CallBegan(0, "get_time"), CallGrew(0, "{}"), CallEnded(0)],
        [],
        [],
        [],
    ]
    assert _stream("glm_edge", "A.", "\n\n", "B") == [[Said("A.")], [], [Said("\n\nB")], []]
