"""/v1/responses as a stream: OpenAI's events, the same as in one go, over when the client goes."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from asgi_calls import Call
from ovglm.errors import OvglmError, RequestError
from response_calls import ask_response, stream_response, types_of
from serve_apps import ByteEngine, serve

CALL = 'get_weather\n{"city": "Bonn"}'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Mapping[str, Any] = {"type": "function", "name": "get_weather", "parameters": CITY}
NAMED = {"type": "function", "name": "get_weather"}
XML = "get_weather\n<arg_key>city</arg_key>\n<arg_value>Bonn</arg_value>\n"
THINKING = "{% for m in messages %}<|{{ m.role }}|>{{ m.reasoning_content }}{{ m.content }}"
THINKING += "{% endfor %}{% if enable_thinking is defined %}[{{ enable_thinking }}]{% endif %}"


def test_the_events_of_a_text_are_those_of_openai() -> None:
    events = stream_response(serve("hi"))
    assert types_of(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    created, in_progress, added, part, *_, done, completed = events
    assert created["response"]["status"] == in_progress["response"]["status"] == "in_progress"
    assert created["response"]["output"] == [] and created["response"]["usage"] is None
    assert added["item"]["status"] == "in_progress" and added["item"]["content"] == []
    assert part["part"]["text"] == "" and part["item_id"] == added["item"]["id"]
    deltas = [one for one in events if one["type"] == "response.output_text.delta"]
    assert [one["delta"] for one in deltas] == ["h", "i"]
    assert {(one["output_index"], one["content_index"]) for one in deltas} == {(0, 0)}
    assert completed["response"]["output"] == [done["item"]]
    assert completed["response"]["usage"]["output_tokens"] == 2


def test_the_events_of_a_call_tell_its_name_first_and_then_its_arguments() -> None:
    events = stream_response(serve(CALL), tools=[TOOL])
    assert types_of(events) == [
        "created", "in_progress", "output_item.added", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed",
    ]  # fmt: skip
    added = events[2]["item"]
    assert (added["name"], added["arguments"], added["status"]) == (
        "get_weather",
        "",
        "in_progress",
    )
    grown = "".join(one["delta"] for one in events if "delta" in one)
    assert grown == events[-3]["arguments"] == events[-2]["item"]["arguments"]
    assert events[-2]["item"]["call_id"] == added["call_id"]


def test_the_events_of_a_thought_come_before_those_of_the_text() -> None:
    api = serve("\n<think>hmm</think>\nhi", dialect="glm45", template=THINKING)
    events = stream_response(api)
    assert types_of(events) == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip


def _without_ids(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("id", "call_id")}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ("hello", {}),
        ("", {}),
        ("\n你好，世界", {}),
        ("hello", {"max_output_tokens": 2}),
        (CALL, {"tools": [TOOL]}),
        (f"{CALL}<|assistant|>{CALL}", {"tools": [TOOL]}),
        (f"\nLet me see.<|assistant|>{CALL}", {"tools": [TOOL]}),
        (CALL, {"tools": [TOOL], "max_output_tokens": 20}),
    ],
)
def test_a_stream_comes_to_the_same_as_one_go(answer: str, fields: dict[str, Any]) -> None:
    api = serve(answer)
    whole = ask_response(api, **fields)
    events = stream_response(api, **fields)
    last = events[-1]["response"]
    assert events[-1]["type"] == f"response.{whole['status']}"
    assert [_without_ids(one) for one in last["output"]] == [
        _without_ids(one) for one in whole["output"]
    ]
    assert (last["usage"], last["status"]) == (whole["usage"], whole["status"])
    done = [one["item"] for one in events if one["type"] == "response.output_item.done"]
    assert done == last["output"]


def test_a_failure_in_a_stream_is_an_event_that_keeps_what_has_come() -> None:
    engine = ByteEngine("hello", fails_at=2, error=OvglmError("the device is gone"))
    last = stream_response(serve(engine=engine))[-1]
    assert last["type"] == "response.failed"
    reply = last["response"]
    assert reply["status"] == "failed"
    assert reply["error"] == {"code": "server_error", "message": "the device is gone"}
    assert reply["output"][0]["status"] == "incomplete"
    assert reply["output"][0]["content"][0]["text"] == "he"


@pytest.mark.parametrize(("error", "status"), [(OvglmError("x"), 500), (RequestError("x"), 400)])
@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_anything_came_has_its_own_status(
    error: OvglmError, status: int, stream: bool
) -> None:
    api = serve(engine=ByteEngine("hello", fails_at=0, error=error))
    body = {"model": "fake", "input": "hi", "stream": stream}
    assert api.client.post("/v1/responses", json=body).status_code == status


@pytest.mark.parametrize(("stream", "stalls"), [(True, 2), (True, 0), (False, 2)])
def test_a_client_that_leaves_ends_its_answer(stream: bool, stalls: int) -> None:
    async def talk() -> Call:
        body = json.dumps({"model": "fake", "input": "hi", "stream": stream}).encode()
        headers = {"content-type": "application/json"}
        call = Call("/v1/responses", "POST", headers, [body])
        app: Any = api.client.app
        running = asyncio.create_task(call.run(app))
        assert await asyncio.to_thread(api.engine.asked.wait, 20)
        if stream and stalls:
            await asyncio.wait_for(call.begun.wait(), 20)
        call.leave.set()
        return await asyncio.wait_for(running, 20)

    api = serve(engine=ByteEngine("hello", stalls=stalls))
    call = asyncio.run(talk())
    assert api.engine.cancelled.is_set()
    assert b"response.completed" not in call.body


@pytest.mark.parametrize(
    ("engine", "fields"),
    [
        (ByteEngine("hello"), {}),
        (
            ByteEngine("hello"),
            {"max_output_tokens": 2, "text": {"format": {"type": "json_object"}}},
        ),
        (ByteEngine("\n<think>hmm</think>\nhi"), {"reasoning": {"effort": "high"}}),
        (ByteEngine(f"\n<tool_call>{XML}</tool_call>"), {"tools": [TOOL], "tool_choice": NAMED}),
        (ByteEngine("hello", fails_at=2, error=OvglmError("the device is gone")), {}),
        (ByteEngine("hello", fails_at=2, error=RequestError("it cannot")), {}),
    ],
    ids=["text", "cut", "thought", "call", "failed", "refused late"],
)
def test_events_keep_to_the_types_of_openais_package(
    engine: ByteEngine, fields: dict[str, Any]
) -> None:
    events = stream_response(serve(engine=engine, dialect="glm45", template=THINKING), **fields)
    known = TypeAdapter[Any](ResponseStreamEvent)
    for event in events:
        assert known.validate_json(json.dumps(event), strict=True).type == event["type"]
    assert (events[-1]["response"]["output"][-1]["type"] == "function_call") == ("tools" in fields)
