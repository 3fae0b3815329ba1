"""Streams: the same as in one go, in pieces, and over when the client goes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from ovglm_serve.sse import EventStream
from serve_apps import HI, Api, ByteEngine, deltas_of, fake_model, serve, tool

Messages = list[dict[str, Any]]
CALL = 'get_weather\n{"city": "Bonn"}'


def _join(events: Messages, index: int = 0) -> dict[str, Any]:
    """Put a stream together as a client does."""
    content: str | None = None
    calls: dict[int, dict[str, Any]] = {}
    for delta in deltas_of(events, index):
        if delta.get("content") is not None:
            content = (content or "") + delta["content"]
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
            call["name"] += piece["function"].get("name", "")
            call["arguments"] += piece["function"]["arguments"]
    reasons = [
        choice["finish_reason"]
        for event in events
        for choice in event["choices"]
        if choice["index"] == index and choice["finish_reason"]
    ]
    assert len(reasons) == 1
    return {"content": content, "calls": list(calls.values()), "reason": reasons[0]}


def _whole(reply: dict[str, Any], index: int = 0) -> dict[str, Any]:
    choice = reply["choices"][index]
    calls = [one["function"] for one in choice["message"].get("tool_calls", ())]
    content = choice["message"]["content"]
    return {"content": content, "calls": calls, "reason": choice["finish_reason"]}


@pytest.mark.parametrize(
    ("answer", "fields"),
    [
        ("hello", {}),
        ("", {}),
        ("\n你好，世界", {}),
        ("hello", {"max_tokens": 2}),
        ("hello world", {"stop": "wor"}),
        ("hello", {"n": 2, "temperature": 1}),
        (CALL, {"tools": [tool()]}),
        (f"{CALL}<|assistant|>{CALL}", {"tools": [tool()]}),
        (f"\nLet me see.<|assistant|>{CALL}", {"tools": [tool()]}),
        (CALL, {"tools": [tool()], "max_tokens": 20}),
        (CALL, {}),
        ("hello", {"logprobs": True, "top_logprobs": 2}),
    ],
)
def test_a_stream_comes_to_the_same_as_one_go(answer: str, fields: dict[str, Any]) -> None:
    api = serve(answer)
    reply = api.chat(**fields)
    events = api.stream(stream_options={"include_usage": True}, **fields)
    for index in range(fields.get("n", 1)):
        assert _join(events, index) == _whole(reply, index)
    assert events[-1]["usage"] == reply["usage"]


def test_the_events_of_a_stream_are_those_of_openai() -> None:
    events = serve("hi").stream()
    first, *middle, last = events
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert len({(event["id"], event["created"], event["model"]) for event in events}) == 1
    assert events[0]["system_fingerprint"].startswith("fp_")
    assert first["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert [event["choices"][0]["delta"] for event in middle] == [
        {"content": "h"},
        {"content": "i"},
    ]
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert all("usage" not in event for event in events)


def test_usage_comes_last_with_no_choices_and_is_null_before() -> None:
    *events, last = serve("hi").stream(stream_options={"include_usage": True})
    assert all(event["usage"] is None for event in events)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2


def test_a_stream_is_not_kept_by_those_on_the_way() -> None:
    reply = serve("hi").client.post("/v1/chat/completions", json={**HI, "stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache"


class Connection:
    """One request to an app without a socket, whose client can leave."""

    def __init__(self, api: Api, body: dict[str, Any]) -> None:
        self._app = api.client.app
        self._body = json.dumps(body).encode()
        self._is_read = False
        self.gone = asyncio.Event()
        self.sent: Messages = []

    async def receive(self) -> dict[str, Any]:
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def run(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        async def keep(message: dict[str, Any]) -> None:
            self.sent.append(message)
            await send(message)

        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "POST",
            "path": "/v1/chat/completions", "raw_path": b"", "query_string": b"",
            "headers": headers, "scheme": "http", "http_version": "1.1", "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip
        await asyncio.wait_for(self._app(scope, self.receive, keep), 20)  # pyright: ignore


def test_a_client_that_leaves_a_stream_ends_its_answer() -> None:
    async def talk() -> None:
        api = serve(engine=ByteEngine("hello", stalls=2))
        connection = Connection(api, {**HI, "stream": True})

        async def leave_after_text(message: dict[str, Any]) -> None:
            if b'"content":"e"' in message.get("body", b""):
                connection.gone.set()

        await connection.run(leave_after_text)
        assert api.engine.cancelled.is_set()
        assert not any(b"[DONE]" in one.get("body", b"") for one in connection.sent)

    asyncio.run(talk())


@pytest.mark.parametrize(("stream", "stalls"), [(True, 0), (False, 0), (False, 2)])
def test_a_client_that_leaves_before_anything_was_sent_ends_its_answer(
    stream: bool, stalls: int
) -> None:
    async def talk() -> None:
        api = serve(engine=ByteEngine("hello", stalls=stalls))
        connection = Connection(api, {**HI, "stream": stream})
        running = asyncio.create_task(connection.run(_ignore))
        assert await asyncio.to_thread(api.engine.asked.wait, 20)
        connection.gone.set()
        await running
        assert api.engine.cancelled.is_set()

    asyncio.run(talk())


async def _ignore(message: dict[str, Any]) -> None:
    return None


def test_a_reader_that_is_stuck_does_not_stall_another() -> None:
    async def talk() -> None:
        model = fake_model(ByteEngine("hello"))
        app = create_app(ModelPool.of(model), Settings())
        api = serve("hello")
        api.client.app = app  # pyright: ignore
        stuck, free = (Connection(api, {**HI, "stream": True}) for _ in range(2))
        never = asyncio.Event()

        async def wait(message: dict[str, Any]) -> None:
            await never.wait()

        waiting = asyncio.create_task(stuck.run(wait))
        await free.run(_ignore)
        assert any(b"[DONE]" in one.get("body", b"") for one in free.sent)
        assert not waiting.done()
        never.set()
        await waiting
        assert any(b"[DONE]" in one.get("body", b"") for one in stuck.sent)

    asyncio.run(talk())


def test_a_silent_stream_sends_comments_that_clients_skip() -> None:
    async def talk() -> None:
        pinged = asyncio.Event()
        sent: list[bytes] = []

        async def source() -> AsyncGenerator[bytes, None]:
            await pinged.wait()
            yield b"data: 1\n\n"

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("body", b""))
            if sent[-1].startswith(b":"):
                pinged.set()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        stream = EventStream(source(), ping_s=0.001)
        await asyncio.wait_for(stream({"type": "http"}, receive, send), 20)  # pyright: ignore
        assert sent[1].startswith(b": ") and sent[1].endswith(b"\n\n")
        assert b"data: 1\n\n" in sent

    asyncio.run(talk())
