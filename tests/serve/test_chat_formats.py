"""response_format and thinking: what an answer is held to, and what is told apart in it."""

import json
from typing import Any

import pytest

from serve_apps import deltas_of, serve, tool

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}
STRICT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}
THOUGHT = "\n<think>hm</think>\n\n42"


def _held_to(api: Any) -> str:
    constraint = api.sampling.constraint
    assert constraint is not None
    json.loads(constraint.text)
    return constraint.text


def test_text_is_free() -> None:
    api = serve()
    api.chat(response_format={"type": "text"})
    assert api.sampling.constraint is None


def test_a_json_object_is_held_to_an_object() -> None:
    api = serve("{}")
    api.chat(response_format={"type": "json_object"})
    assert '"object"' in _held_to(api)


@pytest.mark.parametrize("strict", [True, False, None])
def test_a_schema_is_enforced_whether_strict_or_not(strict: bool | None) -> None:
    api = serve('{"answer": 1}')
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": strict}}
    assert json.loads(api.say(response_format=form)) == {"answer": 1}
    assert '"answer"' in _held_to(api)


@pytest.mark.parametrize(
    "schema", [{"not": {}}, {"type": "string", "minLength": 2, "maxLength": 1}, {"type": "text"}]
)
def test_a_schema_that_is_not_enforced_is_refused_with_its_keyword_and_the_field(
    schema: dict[str, Any],
) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    api = serve()
    error = api.refuse(response_format=form)
    assert error["param"] == "response_format"
    assert any(keyword in error["message"] for keyword in schema)
    text = {"format": {"type": "json_schema", "name": "a", "schema": schema}}
    error = api.refuse_json({"messages": ..., "input": "hi", "text": text}, "/v1/responses")
    assert error["param"] == "text.format"
    assert not api.engine.requests


@pytest.mark.parametrize("dialect", ["glm4", "glm45", "glm_edge"])
def test_a_strict_tool_that_is_not_enforced_is_refused_with_its_keyword(dialect: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 2}}}
    tools = [tool("f", strict=True, parameters=schema)]
    error = serve(dialect=dialect).refuse(tools=tools)
    assert error["param"] == "tools" and "'multipleOf'" in error["message"]


def test_a_glm45_refuses_lengths_of_texts_by_their_keyword() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 2}}}
    error = serve(dialect="glm45").refuse(tools=[tool("f", strict=True, parameters=schema)])
    assert error["param"] == "tools" and "'maxLength' of the argument 'a'" in error["message"]


def test_a_schema_and_tools_leave_the_choice_between_json_and_calls() -> None:
    api = serve('get_weather\n{"city": "Bonn"}')
    choice = api.chat(response_format=STRICT, tools=[tool()])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    text = _held_to(api)
    assert '"answer"' in text and "get_weather" in text


def test_a_required_call_goes_before_a_schema() -> None:
    api = serve('get_weather\n{"city": "Bonn"}')
    api.chat(response_format=STRICT, tools=[tool()], tool_choice="required")
    assert '"answer"' not in _held_to(api)


def test_thoughts_are_told_apart() -> None:
    api = serve(THOUGHT, dialect="glm45")
    choice = api.chat()["choices"][0]
    assert choice["message"]["reasoning_content"] == "hm"
    assert choice["message"]["content"] == "42"
    assert "enable_thinking" not in api.prompt


def test_thoughts_are_streamed_apart() -> None:
    deltas = list(deltas_of(serve(THOUGHT, dialect="glm45").stream()))
    assert deltas[0] == {"role": "assistant", "content": None}
    assert "".join(one.get("reasoning_content", "") for one in deltas) == "hm"
    assert "".join(one.get("content") or "" for one in deltas) == "42"


def test_a_thought_that_never_ends_is_no_answer() -> None:
    choice = serve("\n<think>hm, hm", dialect="glm45").chat(max_tokens=12)["choices"][0]
    assert choice["message"]["content"] is None
    assert choice["message"]["reasoning_content"].startswith("hm")
    assert choice["finish_reason"] == "length"


OFF: list[dict[str, Any]] = [
    {"reasoning_effort": "none"},
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"reasoning_effort": "none", "chat_template_kwargs": {"enable_thinking": False}},
]


@pytest.mark.parametrize("fields", OFF)
def test_thinking_can_be_switched_off(fields: dict[str, Any]) -> None:
    api = serve("42", dialect="glm45")
    assert api.say(**fields) == "42"
    assert "<|system|>\nFalse" in api.prompt


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh"])
def test_any_effort_is_thinking(effort: str) -> None:
    api = serve(THOUGHT, dialect="glm45")
    assert api.say(reasoning_effort=effort) == "42"
    assert "<|system|>\nTrue" in api.prompt


@pytest.mark.parametrize(
    "fields", [{"reasoning_effort": "low"}, {"chat_template_kwargs": {"enable_thinking": True}}]
)
def test_a_model_that_does_not_think_cannot_be_told_to(fields: dict[str, Any]) -> None:
    error = serve().refuse(**fields)
    assert error["param"].startswith(next(iter(fields)))
    assert "does not think" in error["message"]


@pytest.mark.parametrize("fields", OFF)
def test_a_model_that_does_not_think_can_be_told_not_to(fields: dict[str, Any]) -> None:
    assert serve("ok").say(**fields) == "ok"


def test_a_model_that_cannot_but_think_cannot_be_told_not_to() -> None:
    assert serve(dialect="glm_z1").refuse(reasoning_effort="none")["param"] == "reasoning_effort"


def test_two_fields_that_contradict_each_other_are_refused() -> None:
    fields = {"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": False}}
    assert serve(dialect="glm45").refuse(**fields)["param"] == "reasoning_effort"


def test_a_thinking_model_thinks_before_its_json() -> None:
    api = serve('\n<think>hm</think>\n{"answer": 1}', dialect="glm45")
    assert json.loads(api.say(response_format=STRICT)) == {"answer": 1}
    assert "think" in _held_to(api)
