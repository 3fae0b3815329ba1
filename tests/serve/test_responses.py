"""/v1/responses: what is asked and what comes back in one go."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from response_calls import ask_response
from serve_apps import ByteEngine, serve

CALL = 'get_weather\n{"city": "Bonn"}'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Mapping[str, Any] = {"type": "function", "name": "get_weather", "parameters": CITY}
THINKING = "{% for m in messages %}<|{{ m.role }}|>{{ m.reasoning_content }}{{ m.content }}"
THINKING += "{% endfor %}{% if enable_thinking is defined %}[{{ enable_thinking }}]{% endif %}"


def test_a_text_is_answered_with_a_message() -> None:
    reply = ask_response(serve("hello"))
    (item,) = reply["output"]
    assert item["type"] == "message" and item["role"] == "assistant"
    assert item["status"] == reply["status"] == "completed"
    assert item["content"] == [
        {"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}
    ]
    assert reply["id"].startswith("resp_") and reply["object"] == "response"
    assert reply["model"] == "fake" and reply["created_at"] <= reply["completed_at"]
    assert (reply["error"], reply["incomplete_details"], reply["store"]) == (None, None, False)


def test_what_was_asked_is_given_back() -> None:
    reply = ask_response(
        serve(),
        instructions="be brief",
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=50,
        metadata={"a": "b"},
        user="me",
        tools=[TOOL],
        tool_choice="auto",
        parallel_tool_calls=False,
    )
    assert (reply["instructions"], reply["temperature"], reply["top_p"]) == ("be brief", 0.5, 0.9)
    assert (reply["max_output_tokens"], reply["metadata"]) == (50, {"a": "b"})
    assert (reply["user"], reply["tool_choice"]) == ("me", "auto")
    assert reply["parallel_tool_calls"] is False
    assert reply["tools"] == [{**TOOL, "description": None, "strict": False}]


def test_sampling_fields_reach_the_engine() -> None:
    api = serve()
    ask_response(api, temperature=0.5, top_p=0.9, max_output_tokens=50)
    sampling = api.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens) == (0.5, 0.9, 50)


def test_instructions_are_a_system_message_in_front() -> None:
    api = serve()
    ask_response(api, instructions="be brief")
    assert api.prompt == "<|system|>\nbe brief<|user|>\nhi<|assistant|>"


def test_usage_counts_cached_tokens_too() -> None:
    usage = ask_response(serve(engine=ByteEngine("hello", cached=3)))["usage"]
    assert usage["input_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 0}
    assert usage["output_tokens"] == 5
    assert usage["output_tokens_details"] == {"reasoning_tokens": 0}
    assert usage["total_tokens"] == usage["input_tokens"] + 5


def test_an_answer_that_is_cut_is_incomplete() -> None:
    reply = ask_response(serve("hello"), max_output_tokens=2)
    assert reply["status"] == reply["output"][0]["status"] == "incomplete"
    assert reply["incomplete_details"] == {"reason": "max_output_tokens"}
    assert reply["output"][0]["content"][0]["text"] == "he"
    assert reply["completed_at"] is None


def test_an_empty_answer_is_an_empty_message() -> None:
    (item,) = ask_response(serve(""))["output"]
    assert item["content"][0]["text"] == ""


def test_calls_are_items_of_their_own() -> None:
    api = serve(f"\nLet me see.<|assistant|>{CALL}<|assistant|>{CALL.replace('Bonn', 'Ulm')}")
    said, *calls = ask_response(api, tools=[TOOL])["output"]
    assert said["content"][0]["text"].strip() == "Let me see."
    assert [json.loads(one["arguments"])["city"] for one in calls] == ["Bonn", "Ulm"]
    assert {(one["type"], one["name"], one["status"]) for one in calls} == {
        ("function_call", "get_weather", "completed")
    }
    assert len({one["call_id"] for one in calls} | {one["id"] for one in calls}) == 4


def test_a_call_that_is_cut_is_incomplete_and_valid_json() -> None:
    (call,) = ask_response(serve(CALL), tools=[TOOL], max_output_tokens=24)["output"]
    assert call["status"] == "incomplete"
    assert isinstance(json.loads(call["arguments"]), dict)


def test_without_parallel_calls_a_response_ends_with_its_first() -> None:
    api = serve(f"{CALL}<|assistant|>{CALL}")
    reply = ask_response(api, tools=[TOOL], parallel_tool_calls=False)
    assert len(reply["output"]) == 1 and reply["status"] == "completed"
    assert api.engine.cancelled.is_set()


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_weather"}])
def test_a_call_that_must_be_is_enforced(choice: Any) -> None:
    api = serve(CALL)
    reply = ask_response(api, tools=[TOOL, {**TOOL, "name": "get_time"}], tool_choice=choice)
    assert reply["tool_choice"] == choice
    constraint = api.sampling.constraint
    assert constraint is not None and "get_weather" in constraint.text
    assert ("get_time" in constraint.text) == (choice == "required")


def test_a_strict_tool_is_enforced_and_strict_is_not_shown_to_the_model() -> None:
    api = serve()
    reply = ask_response(api, tools=[{**TOOL, "strict": True}])
    assert reply["tools"][0]["strict"] is True
    assert api.sampling.constraint is not None and "strict" not in api.prompt


def test_none_hides_the_tools() -> None:
    api = serve(CALL)
    (item,) = ask_response(api, tools=[TOOL], tool_choice="none")["output"]
    assert item["content"][0]["text"] == CALL and "get_weather" not in api.prompt


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"type": "json_object"}, "object"),
        ({"type": "json_schema", "name": "place", "schema": CITY, "strict": True}, "city"),
    ],
)
def test_a_format_is_enforced_and_given_back(form: dict[str, Any], word: str) -> None:
    api = serve('{"city": "Bonn"}')
    reply = ask_response(api, text={"format": form})
    assert reply["text"] == {"format": form}
    constraint = api.sampling.constraint
    assert constraint is not None and word in constraint.text


def test_text_as_a_format_asks_for_nothing() -> None:
    api = serve("ok")
    reply = ask_response(api, text={"format": {"type": "text"}, "verbosity": "medium"})
    assert api.sampling.constraint is None and reply["text"] == {"format": {"type": "text"}}


def test_a_thought_is_an_item_and_its_tokens_are_counted() -> None:
    api = serve("\n<think>hmm</think>\nhello", dialect="glm45", template=THINKING)
    thought, said = ask_response(api)["output"]
    assert thought["type"] == "reasoning" and thought["summary"] == []
    assert thought["content"] == [{"type": "reasoning_text", "text": "hmm"}]
    assert said["content"][0]["text"] == "hello"
    assert ask_response(api)["usage"]["output_tokens_details"] == {"reasoning_tokens": 3}


@pytest.mark.parametrize(("effort", "told"), [("none", "[False]"), ("low", "[True]")])
def test_effort_says_whether_to_think(effort: str, told: str) -> None:
    api = serve("ok", dialect="glm45", template=THINKING)
    reply = ask_response(api, reasoning={"effort": effort})
    assert api.prompt.endswith(told)
    assert reply["reasoning"] == {"effort": effort, "summary": None}
