"""Calls as GLM-4 writes them: found while they are streamed, and nothing else taken for one."""

import json

import pytest

from ovglm.dialects import Answer, dialect_for, read_answer
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said
from ovglm.messages import ToolCall

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_weather", "get_time")
]
CALL = ToolCall("get_weather", '{"city": "北京"}')
TIME = ToolCall("get_time", "{}")
NAMES = ("glm4", "glm0414", "glm_z1")


def _read(text: str, name: str = "glm4") -> Answer:
    return read_answer(dialect_for(name).parser(TOOLS), text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ("\nHello", "Hello", ()),
        ("\n\nHello\n", "\nHello\n", ()),
        ('get_weather\n{"city": "北京"}', "", (CALL,)),
        ('get_weather\n{"city": "北京"}<|observation|>', "", (CALL,)),
        ('\nget_weather \n{"city": "北京"}\n<|observation|>', "", (CALL,)),
        ('get_weather\n{"city": "北京"}<|assistant|>get_time\n{}', "", (CALL, TIME)),
        ('get_weather\n{"city": "北京"}\nget_time\n{ }\n', "", (CALL, TIME)),
        ('\nOne moment.<|assistant|>get_weather\n{"city": "北京"}', "One moment.", (CALL,)),
        ("\nA.<|assistant|>get_time\n{}<|assistant|>\nB.", "A.\nB.", (TIME,)),
        ('get_weather\n{"city": "北京"}\nThat is all.', "That is all.", (CALL,)),
        ("\na<|assistant|>\nb<|user|>", "a\nb", ()),
        ("", "", ()),
    ],
)
def test_calls_and_texts_are_told_apart(
    name: str, text: str, content: str, calls: tuple[ToolCall, ...]
) -> None:
    answer = _read(text, name)
    assert (answer.content, answer.tool_calls) == (content, calls)


@pytest.mark.parametrize(
    "text",
    [
        'delete_all\n{"city": "X"}',
        "get_weather\n[1]",
        "get_weather\nis what I would call",
        "get_weather\n{city}",
        "get_weather\n{{city}}",
        "get_weather",
        "get_weather\n",
        "get_weather\n{",
        "get_weather  \n{}",
        'get_weather {"city": "X"}',
        'I call get_weather\n{"city": "X"}',
        'Here:\nget_weather\n{"city": "X"}',
        "get_weather_now\n{}",
    ],
)
def test_what_only_looks_like_a_call_is_text(text: str) -> None:
    assert _read(text) == Answer(text)
    assert _read("\n" + text) == Answer(text)


def test_without_tools_all_is_text() -> None:
    assert read_answer(dialect_for("glm4").parser(), "get_time\n{}") == Answer("get_time\n{}")


def _stream(*pieces: str) -> list[list[Event]]:
    parser = dialect_for("glm4").parser(TOOLS)
    return [*map(parser.push, pieces), parser.finish()]


def test_the_name_is_given_out_when_its_line_and_the_first_of_its_arguments_are_there() -> None:
    assert _stream("get_", "weather", "\n", "{", '"ci', 'ty": "北', '京"', "}") == [
        [],
        [],
        [],
        [],
        [CallBegan(0, "get_weather"), CallGrew(0, "{")],
        [CallGrew(0, '"city": "北')],
        [CallGrew(0, '京"')],
        [CallGrew(0, "}"), CallEnded(0)],
        [],
    ]


def test_a_text_that_begins_like_a_name_is_given_out_when_it_parts_from_it() -> None:
    assert _stream("\nget", " it", " <", "|user", "|>") == [
        [],
        [Said("get it")],
        [Said(" ")],
        [],
        [],
        [],
    ]


def test_text_is_not_kept_back() -> None:
    assert _stream("\n", "He", "llo") == [[], [Said("He")], [Said("llo")], []]


@pytest.mark.parametrize(
    ("cut", "arguments"),
    [
        ('{"', "{}"),
        ('{"city', "{}"),
        ('{"city"', "{}"),
        ('{"city":', "{}"),
        ('{"city": "', '{"city": ""}'),
        ('{"city": "Bei', '{"city": "Bei"}'),
        ('{"city": "Bei\\', '{"city": "Bei"}'),
        ('{"city": "Bei\\u53', '{"city": "Bei"}'),
        ('{"city": "X",', '{"city": "X"}'),
        ('{"city": "X", "days": 1', '{"city": "X"}'),
        ('{"city": "X", "days": [1, 2', '{"city": "X", "days": [1]}'),
        ('{"city": "X", "at": {"hour": tr', '{"city": "X", "at": {}}'),
        ('{"city": "X<|observation|>', '{"city": "X"}'),
    ],
)
def test_a_call_that_is_cut_is_closed_without_its_unfinished_member(
    cut: str, arguments: str
) -> None:
    assert _read(f"get_weather\n{cut}").tool_calls == (ToolCall("get_weather", arguments),)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a": "two\nlines\tand a tab"}', {"a": "two\nlines\tand a tab"}),
        (r'{"a": "\d+ \u12 \x"}', {"a": r"\d+ \u12 \x"}),
        (r'{"a": "\\d \" \/ \u00e9"}', {"a": '\\d " / é'}),
        ('{"a": 1, }', {"a": 1}),
        ('{"a": [1, 2, ], "b": {}}', {"a": [1, 2], "b": {}}),
        ('{ "a" :\n[ ] , "b"\n: -1.5e3 }', {"a": [], "b": -1500.0}),
        ('{"say": "<|user|> and <|assistant|>"}', {"say": "<|user|> and <|assistant|>"}),
    ],
)
def test_arguments_are_json_though_they_were_not_written_so(written: str, value: object) -> None:
    (call,) = _read(f"get_weather\n{written}<|observation|>").tool_calls
    assert json.loads(call.arguments) == value


@pytest.mark.parametrize(
    ("written", "arguments", "content"),
    [
        ('{"a": True}', "{}", "True}"),
        ('{"a": 01}', "{}", "01}"),
        ('{"a": NaN}', "{}", "NaN}"),
        ('{"a": 1 "b": 2}', '{"a": 1}', '"b": 2}'),
        ('{"a": 1, b: 2}', '{"a": 1}', "b: 2}"),
        ('{"a": [1}', '{"a": [1]}', "}"),
        ('{"a" 1}', "{}", '"a" 1}'),
    ],
)
def test_where_arguments_are_no_json_the_call_ends_and_text_goes_on(
    written: str, arguments: str, content: str
) -> None:
    answer = _read(f"get_weather\n{written}")
    assert answer == Answer(content, "", (ToolCall("get_weather", arguments),))


def test_a_deep_object_is_read() -> None:
    deep = '{"a": ' * 400 + "[" * 400 + "]" * 400 + "}" * 400
    assert _read(f"get_weather\n{deep}").tool_calls == (ToolCall("get_weather", deep),)
