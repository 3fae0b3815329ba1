"""Tools: offered to the model, called by it, answered by the client."""

import json
from typing import Any

import pytest

from serve_apps import serve, tool

CALL = 'get_weather\n{"city": "Bonn"}'
USER = {"role": "user", "content": "hi"}


def _call(name: str = "get_weather", id: str = "call_1", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_call_is_a_call_and_no_text() -> None:
    choice = serve(CALL).chat(tools=[tool()])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    message = choice["message"]
    assert message["content"] is None
    (call,) = message["tool_calls"]
    assert call["id"].startswith("call_") and call["type"] == "function"
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Bonn"}


def test_several_calls_in_one_answer_have_ids_of_their_own() -> None:
    answer = f"{CALL}<|assistant|>{CALL.replace('Bonn', 'Ulm')}"
    calls = serve(answer).chat(tools=[tool()])["choices"][0]["message"]["tool_calls"]
    cities = [json.loads(call["function"]["arguments"])["city"] for call in calls]
    assert cities == ["Bonn", "Ulm"]
    assert calls[0]["id"] != calls[1]["id"]


def test_without_parallel_calls_an_answer_ends_with_its_first() -> None:
    api = serve(f"{CALL}<|assistant|>{CALL}")
    choice = api.chat(tools=[tool()], parallel_tool_calls=False)["choices"][0]
    assert len(choice["message"]["tool_calls"]) == 1
    assert choice["finish_reason"] == "tool_calls"
    assert api.engine.cancelled.is_set()


def test_without_parallel_calls_each_of_n_answers_has_its_first() -> None:
    api = serve(f"{CALL}<|assistant|>{CALL}", "\nhello")
    choices = api.chat(tools=[tool()], parallel_tool_calls=False, n=2, temperature=1)["choices"]
    assert len(choices[0]["message"]["tool_calls"]) == 1
    assert choices[1]["message"]["content"] == "hello"
    assert [one["finish_reason"] for one in choices] == ["tool_calls", "stop"]


def test_a_call_that_is_cut_ends_with_length_and_is_valid_json() -> None:
    choice = serve(CALL).chat(tools=[tool()], max_tokens=24)["choices"][0]
    assert choice["finish_reason"] == "length"
    (call,) = choice["message"]["tool_calls"]
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


def test_an_answer_that_looks_like_a_call_of_no_tool_is_text() -> None:
    choice = serve(CALL).chat(tools=[tool("get_time")])["choices"][0]
    assert choice["message"]["content"] == CALL
    assert choice["finish_reason"] == "stop"


def test_tools_are_offered_on_the_system_message() -> None:
    api = serve()
    api.say(tools=[tool()], messages=[{"role": "system", "content": "S"}, USER])
    begin, _, end = api.prompt.partition("get_weather")
    assert begin.startswith("<|system|>\n") and end.endswith(
        "<|system|>\nS<|user|>\nhi<|assistant|>"
    )


def test_tools_without_a_system_message_are_offered_first() -> None:
    api = serve()
    api.say(tools=[tool()])
    assert api.prompt.startswith("<|system|>\n[")
    assert api.prompt.endswith("}]<|user|>\nhi<|assistant|>")


def test_strict_is_an_order_and_not_shown_to_the_model() -> None:
    api = serve()
    api.say(tools=[tool(strict=True)])
    assert "strict" not in api.prompt
    assert api.sampling.constraint is not None
    assert "Bonn" not in api.sampling.constraint.text and "city" in api.sampling.constraint.text


def test_a_free_choice_of_tools_that_are_not_strict_is_free() -> None:
    api = serve()
    api.say(tools=[tool()], tool_choice="auto")
    assert api.sampling.constraint is None


def test_none_hides_the_tools_and_finds_no_calls() -> None:
    api = serve(CALL)
    assert api.say(tools=[tool()], tool_choice="none") == CALL
    assert "get_weather" not in api.prompt
    assert api.sampling.constraint is None


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_a_call_that_must_be_is_enforced(choice: Any) -> None:
    api = serve(CALL)
    reply = api.chat(tools=[tool(), tool("get_time")], tool_choice=choice)
    assert reply["choices"][0]["finish_reason"] == "tool_calls"
    constraint = api.sampling.constraint
    assert constraint is not None and constraint.kind == "structural"
    assert "get_weather" in constraint.text
    assert ("get_time" in constraint.text) == (choice == "required")


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_a_choice_without_tools_that_asks_for_nothing_is_accepted(choice: str) -> None:
    assert serve("ok").say(tool_choice=choice) == "ok"
    assert serve("ok").say(tools=[], tool_choice=choice) == "ok"


def test_calls_and_results_are_told_as_the_model_knows_them() -> None:
    api = serve()
    api.say(
        tools=[tool()],
        messages=[
            USER,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [_call(arguments='{"city": "X"}')],
            },
            {"role": "tool", "tool_call_id": "call_1", "name": "get_weather", "content": "sunny"},
        ],
    )
    end = '<|assistant|>get_weather\n{"city": "X"}<|observation|>\nsunny<|assistant|>'
    assert api.prompt.endswith(end)


def test_a_call_of_ours_can_be_sent_back_with_its_result() -> None:
    api = serve(CALL, "it is sunny")
    message = api.chat(tools=[tool()])["choices"][0]["message"]
    result = {
        "role": "tool",
        "tool_call_id": message["tool_calls"][0]["id"],
        "content": [{"type": "text", "text": "sunny"}],
    }
    assert api.say(tools=[tool()], messages=[USER, message, result]) == "it is sunny"


WRONG = [
    ([_call()], [], "call_1"),
    ([_call()], ["call_2"], "call_2"),
    ([_call(), _call(id="call_2")], ["call_2", "call_1"], "call_1"),
    ([_call(), _call(id="call_2")], ["call_1"], "call_2"),
    ([_call()], ["call_1", "call_1"], "call_1"),
    ([], ["call_1"], "call_1"),
    ([_call(), _call()], ["call_1", "call_1"], "call_1"),
    ([_call(arguments="[1]")], ["call_1"], "call_1"),
    ([_call(arguments='{"city": ')], ["call_1"], "call_1"),
]


@pytest.mark.parametrize(("calls", "results", "named"), WRONG)
def test_a_history_that_does_not_fit_is_refused_and_says_which(
    calls: list[Any], results: list[str], named: str
) -> None:
    asked = {"role": "assistant", "content": "c", **({"tool_calls": calls} if calls else {})}
    told = [{"role": "tool", "tool_call_id": one, "content": "r"} for one in results]
    error = serve().refuse(tools=[tool()], messages=[USER, asked, *told])
    assert error["param"] == "messages"
    assert named in error["message"]


def test_a_name_comes_as_soon_as_it_is_known_and_arguments_as_they_grow() -> None:
    events = serve(CALL).stream(tools=[tool()])
    pieces = [
        piece
        for event in events
        for choice in event["choices"]
        for piece in choice["delta"].get("tool_calls", ())
    ]
    first, *others = pieces
    assert first["function"] == {"name": "get_weather", "arguments": ""}
    assert first["id"].startswith("call_") and first["type"] == "function"
    assert len(others) > 3
    assert all(set(piece) == {"index", "function"} for piece in others)
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}


def test_a_model_that_was_not_trained_on_tools_is_told_of_them() -> None:
    api = serve('<tool_call>get_weather\n{"city": "Bonn"}\n</tool_call>', dialect="glm_edge")
    choice = api.chat(tools=[tool()])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert "get_weather" in api.prompt
