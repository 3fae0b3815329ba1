"""The input of /v1/responses: items as conversations, and all that is refused, by name."""

from collections.abc import Mapping
from typing import Any

import pytest

from ovglm_serve.schema.responses_fields import NEUTRAL, HarmlessOfResponse, Refused
from response_calls import ask_response
from serve_apps import Api, serve

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Mapping[str, Any] = {"type": "function", "name": "get_weather", "parameters": CITY}
CALL = 'get_weather\n{"city": "Bonn"}'
USER: Mapping[str, Any] = {"role": "user", "content": "hi"}


def _refuse(api: Api, **fields: Any) -> dict[str, Any]:
    return api.refuse_json({"messages": ..., "input": "hi", **fields}, "/v1/responses")


def _call(id: str = "call_1", arguments: str = "{}") -> dict[str, Any]:
    return {"type": "function_call", "call_id": id, "name": "get_weather", "arguments": arguments}


def _result(id: str = "call_1", output: Any = "sunny") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": id, "output": output}


@pytest.mark.parametrize(
    ("items", "prompt"),
    [
        ([USER], "<|user|>\nhi"),
        ([{**USER, "type": "message"}], "<|user|>\nhi"),
        ([{"role": "developer", "content": "S"}, USER], "<|system|>\nS<|user|>\nhi"),
        ([{"role": "system", "content": "S"}, USER], "<|system|>\nS<|user|>\nhi"),
        ([USER, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "so"}],
         "<|user|>\nhi<|assistant|>\nyes<|user|>\nso"),
        ([{"role": "user", "content": [{"type": "input_text", "text": "a"},
                                       {"type": "input_text", "text": "b"}]}],
         "<|user|>\na\nb"),
        ([USER, _call(), _result()],
         "<|user|>\nhi<|assistant|>get_weather\n{}<|observation|>\nsunny"),
        ([USER, _call(), _result(output=[{"type": "input_text", "text": "rain"}])],
         "<|user|>\nhi<|assistant|>get_weather\n{}<|observation|>\nrain"),
        ([USER, _call(), _call("call_2"), _result(), _result("call_2", "rain")],
         "<|user|>\nhi<|assistant|>get_weather\n{}<|assistant|>get_weather\n{}"
         "<|observation|>\nsunny<|observation|>\nrain"),
    ],
)  # fmt: skip
def test_items_are_a_conversation(items: list[Any], prompt: str) -> None:
    api = serve()
    ask_response(api, input=items)
    assert api.prompt == f"{prompt}<|assistant|>"


def test_tools_are_offered_in_front() -> None:
    api = serve()
    ask_response(api, tools=[TOOL])
    begin, _, end = api.prompt.partition("get_weather")
    assert begin.startswith("<|system|>\n[") and end.endswith("<|user|>\nhi<|assistant|>")


def test_the_output_of_a_response_can_be_sent_back_with_results() -> None:
    api = serve(f"\nLet me see.<|assistant|>{CALL}", "it is sunny")
    output = ask_response(api, tools=[TOOL])["output"]
    items = [USER, *output, _result(output[-1]["call_id"])]
    reply = ask_response(api, tools=[TOOL], input=items)
    assert reply["output"][0]["content"][0]["text"] == "it is sunny"
    begin, _, end = api.prompt.partition("Let me see.")
    assert begin.endswith("<|assistant|>\n") and end.startswith("<|assistant|>get_weather\n")
    assert end.endswith("<|observation|>\nsunny<|assistant|>")


def test_a_thought_that_is_sent_back_belongs_to_its_turn() -> None:
    template = "{% for m in messages %}<|{{ m.role }}|>{{ m.reasoning_content }}:{{ m.content }}"
    template += "{% endfor %}"
    api = serve("\n<think>hmm</think>\nhi", dialect="glm45", template=template)
    output = ask_response(api)["output"]
    ask_response(api, input=[USER, *output, USER])
    assert api.prompt == "<|user|>:hi<|assistant|>hmm:hi<|user|>:hi"


VALUES: Mapping[str, Any] = {"background": True, "include": ["x"], "store": True, "top_logprobs": 3}


@pytest.mark.parametrize("name", sorted(Refused.model_fields))
def test_what_is_not_supported_is_refused_by_name_and_says_why(name: str) -> None:
    error = _refuse(serve(), **{name: VALUES.get(name, "auto")})
    assert (error["param"], error["code"]) == (name, "unsupported_parameter")
    assert (Refused.model_fields[name].description or "?") in error["message"]


@pytest.mark.parametrize("name", sorted(Refused.model_fields))
def test_what_is_not_supported_may_be_null_or_ask_for_nothing(name: str) -> None:
    assert ask_response(serve(), **{name: None})["status"] == "completed"
    assert ask_response(serve(), **{name: NEUTRAL.get(name)})["status"] == "completed"


@pytest.mark.parametrize("name", sorted(set(HarmlessOfResponse.model_fields) - {"metadata"}))
def test_what_has_no_effect_by_nature_is_accepted(name: str) -> None:
    api, plain = serve("ok"), serve("ok")
    ask_response(api, **{name: "x"})
    ask_response(plain)
    assert api.sampling == plain.sampling and api.prompt == plain.prompt


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": ...}, "model"),
    ({"input": ...}, "input"),
    ({"input": []}, "input"),
    ({"input": 3}, "input"),
    ({"input": [3]}, "input[0]"),
    ({"input": [{"role": "user"}]}, "input[0].content"),
    ({"input": [{"content": "x"}]}, "input[0].role"),
    ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
    ({"input": [{**USER, "mood": 1}]}, "input[0].mood"),
    ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
    ({"input": [{"type": "web_search_call", "id": "x"}]}, "input[0].type"),
    ({"input": [{"role": "user", "content": [{"type": "input_audio", "input_audio": "x"}]}]},
     "input[0].content[0].type"),
    ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
    ({"input": [{**_result(), "output": 3}]}, "input[0].output"),
    ({"input": [{"type": "reasoning", "encrypted_content": "x"}]}, "input[0].encrypted_content"),
    ({"messages": []}, "messages"),
    ({"instructions": 3}, "instructions"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"temperature": 2.5}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {}}, "stream_options"),
    ({"stream": True, "stream_options": {"include_usage": True}}, "stream_options.include_usage"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ({"reasoning": {"effort": "low"}}, "reasoning.effort"),
    ({"reasoning": {"summary": "auto"}}, "reasoning.summary"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
    ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}},
     "text.format.name"),
    ({"text": {"verbosity": "low"}}, "text.verbosity"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ({"tools": [{**TOOL, "name": "bad name"}]}, "tools[0].name"),
    ({"tools": [{**TOOL, "color": "red"}]}, "tools[0].color"),
    ({"tools": [TOOL, TOOL]}, "tools[1].name"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function", "name": "f"}, "tools": [TOOL]}, "tool_choice"),
    ({"tool_choice": {"type": "file_search"}, "tools": [TOOL]}, "tool_choice.type"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ({"temprature": 1}, "temprature"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_value_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], param: str
) -> None:
    error = _refuse(serve(), **fields)
    assert error["param"] == param
    assert error["message"] and error["code"]


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ([_call()], "'call_1' (get_weather), called in input[1], is missing"),
        ([_call(), _result("call_2")], "input[2] is the result of 'call_2', which input[1] did"),
        ([_call(), _call("call_2"), _result("call_2"), _result()], "input[3] is the result of"),
        ([_result()], "input[1] is the result of 'call_1', and no call"),
        ([_call(arguments="[1]"), _result()], "arguments of input[1], 'call_1'"),
        ([_call(), _call()], "input[2] has the id 'call_1' again"),
        ([{"role": "assistant", "content": "so"}, _call(), USER], "input[3], of role 'user'"),
    ],
)
def test_calls_and_results_that_do_not_fit_are_refused_and_it_says_which(
    items: list[Any], named: str
) -> None:
    error = _refuse(serve(), tools=[TOOL], input=[USER, *items], instructions="Be brief.")
    assert error["param"] == "input" and named in error["message"]
    assert "messages[" not in error["message"]


def test_a_prompt_that_is_too_long_is_refused_with_both_numbers() -> None:
    error = _refuse(serve(), input="x" * 5000)
    assert (error["param"], error["code"]) == ("input", "context_length_exceeded")
    assert "4095" in error["message"]


def test_a_model_that_is_not_there_is_404() -> None:
    body = {"model": "gpt", "input": "hi"}
    assert serve().client.post("/v1/responses", json=body).status_code == 404


def test_the_document_tells_of_the_endpoint() -> None:
    document = serve().client.get("/openapi.json").json()
    assert "/v1/responses" in document["paths"]
    fields = document["components"]["schemas"]["ResponseRequest"]["properties"]
    assert fields["previous_response_id"]["type"] == "null"
