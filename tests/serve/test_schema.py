"""Requests that are refused: each by the name of the field, in OpenAI's words."""

from typing import Any

import pytest

from ovglm_serve.schema.unsupported import UNSUPPORTED
from serve_apps import HI, serve, tool

NOT_A_NUMBER = "should be a valid number"


@pytest.mark.parametrize(
    "name", sorted(set(UNSUPPORTED) - {"annotations", "name", "best_of", "suffix"})
)
def test_what_is_not_supported_is_refused_by_name_and_says_why(name: str) -> None:
    error = serve().refuse_json({name: {"some": "thing"}})
    assert error["param"] == name
    assert error["code"] == "unsupported_parameter"
    assert UNSUPPORTED[name] in error["message"]


@pytest.mark.parametrize("name", ["best_of", "suffix", "logit_bias"])
def test_completions_refuse_what_is_not_supported(name: str) -> None:
    error = serve().refuse("/v1/completions", messages=..., prompt="x", **{name: 2})
    assert (error["param"], error["code"]) == (name, "unsupported_parameter")


@pytest.mark.parametrize("name", ["audio", "functions", "logit_bias", "prediction"])
def test_null_for_what_is_not_supported_is_let_through(name: str) -> None:
    assert serve("ok").say(**{name: None}) == "ok"


HARMLESS: dict[str, Any] = {
    "user": "me",
    "safety_identifier": "me",
    "metadata": {"a": "b"},
    "service_tier": "auto",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "store": False,
    "modalities": ["text"],
    "verbosity": "medium",
}


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_what_has_no_effect_by_nature_is_accepted(name: str) -> None:
    api = serve("ok")
    plain = serve("ok")
    assert api.say(**{name: HARMLESS[name]}) == plain.say() == "ok"
    assert api.sampling == plain.sampling and api.prompt == plain.prompt


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("store", True),
        ("modalities", ["text", "audio"]),
        ("verbosity", "low"),
        ("metadata", {"a": 1}),
    ],
)
def test_a_harmless_field_with_a_value_that_asks_for_something_is_refused(
    field: str, value: object
) -> None:
    assert serve().refuse_json({field: value})["param"].startswith(field)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": ...}, "model"),
    ({"model": 3}, "model"),
    ({"messages": ...}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "pope", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "function", "content": "x", "name": "f"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "x", "name": "Ann"}]}, "messages[0].name"),
    ({"messages": [{"role": "user", "content": "x", "mood": 1}]}, "messages[0].mood"),
    ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"temperature": 2.5}, "temperature"),
    ({"temperature": float("nan")}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"top_p": 1.5}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 17}, "n"),
    ({"n": "1"}, "n"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_completion_tokens": -1}, "max_completion_tokens"),
    ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens"),
    ({"seed": -1}, "seed"),
    ({"seed": 10**30}, "seed"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"repetition_penalty": 0}, "repetition_penalty"),
    ({"top_k": -1}, "top_k"),
    ({"min_p": 1}, "min_p"),
    ({"ignore_eos": 1}, "ignore_eos"),
    ({"stop": ""}, "stop"),
    ({"stop": []}, "stop"),
    ({"stop": ["a", ""]}, "stop[1]"),
    ({"stop": list("abcde")}, "stop"),
    ({"stop": 7}, "stop"),
    ({"stop": ["a", "\ud800"]}, "stop[1]"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x"),
    ({"stream": True, "stream_options": {"include_obfuscation": True}},
     "stream_options.include_obfuscation"),
    ({"logprobs": 1}, "logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"reasoning_effort": "huge"}, "reasoning_effort"),
    ({"chat_template_kwargs": {"tools": []}}, "chat_template_kwargs.tools"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
     "response_format.json_schema.schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
     "response_format.json_schema.name"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [tool("bad name")]}, "tools[0].function.name"),
    ({"tools": [tool("a\n")]}, "tools[0].function.name"),
    ({"tools": [tool(color="red")]}, "tools[0].function.color"),
    ({"tools": [tool("f"), tool("g"), tool("f")]}, "tools[2].function.name"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": "always", "tools": [tool()]}, "tool_choice"),
    ({"tool_choice": {"type": "function", "function": {"name": "f"}}, "tools": [tool("g")]},
     "tool_choice"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], param: str
) -> None:
    error = serve().refuse_json(fields)
    assert error["param"] == param
    assert error["message"] and error["code"]


def test_an_unknown_field_is_refused_by_name() -> None:
    error = serve().refuse(temprature=1)
    assert error == {
        "message": "there is no field 'temprature'",
        "type": "invalid_request_error",
        "param": "temprature",
        "code": "unsupported_parameter",
    }


@pytest.mark.parametrize("kind", ["input_image", "input_audio", "file"])
def test_parts_of_other_kinds_are_refused_by_name(kind: str) -> None:
    parts = [{"type": "text", "text": "see"}, {"type": kind, kind: {"url": "http://x/y.png"}}]
    error = serve().refuse(messages=[{"role": "user", "content": parts}])
    assert error["param"] == "messages[0].content[1]"
    assert kind in error["message"]


def test_a_schema_that_is_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"items": schema}
    form = {"type": "json_schema", "json_schema": {"name": "deep", "schema": schema}}
    error = serve().refuse(response_format=form)
    assert error["param"] == "response_format.json_schema.schema"
    assert "deeper than 64" in error["message"]


def test_a_wrong_type_is_told_as_such() -> None:
    assert NOT_A_NUMBER in serve().refuse(temperature="hot")["message"]
    assert HI["model"] == "fake"
