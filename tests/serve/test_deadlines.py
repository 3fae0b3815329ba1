"""How requests end that take too long, and those that are open when the server stops."""

import asyncio
import json

import pytest
from fastapi import FastAPI

from asgi_calls import Call, call
from ovglm_serve.settings import Settings
from small_app import small_app

pytestmark = pytest.mark.anyio

PATIENCE_S = 20
HASTY = Settings(request_timeout_s=0.05)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_request_that_takes_too_long_gets_504_and_is_not_to_be_repeated() -> None:
    app = small_app(HASTY)
    reply = await call(app, "/v1/wait")
    assert reply.status == 504
    assert reply.error["code"] == "request_timeout"
    assert "0.05 s" in reply.error["message"]
    assert reply.reply_headers["x-should-retry"] == "false"
    assert app.state.cleaned.is_set()


async def test_a_stream_that_takes_too_long_ends_with_an_error_event() -> None:
    app = small_app(HASTY)
    reply = await call(app, "/v1/stream")
    assert reply.status == 200
    first, last, rest = reply.body.decode().split("\n\n")
    assert (first, rest) == ("data: first", "")
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "request_timeout"
    assert reply.is_complete
    assert app.state.cleaned.is_set()


async def test_a_quick_request_knows_nothing_of_the_limit() -> None:
    reply = await call(small_app(HASTY), "/v1/echo", method="POST", chunks=[b"hi"])
    assert (reply.status, reply.body) == (200, b"hi")
    await asyncio.sleep(0)


async def _begin(app: FastAPI, path: str) -> tuple[Call, "asyncio.Task[Call]"]:
    one = Call(path)
    running = asyncio.create_task(one.run(app))
    while not app.state.lifetime.open:
        await asyncio.sleep(0)
    return one, running


async def test_open_requests_go_on_while_the_server_drains() -> None:
    app = small_app()
    one, running = await _begin(app, "/v1/stream")
    await asyncio.wait_for(one.begun.wait(), PATIENCE_S)
    app.state.lifetime.begin_stop()
    assert (await call(app, "/v1/echo", method="POST", chunks=[b"hi"])).status == 200
    assert not running.done()
    one.leave.set()
    await running
    assert app.state.lifetime.open == 0


async def test_what_is_open_at_the_end_of_the_drain_is_told_so() -> None:
    app = small_app()
    waiting, first = await _begin(app, "/v1/wait")
    streaming, second = await _begin(app, "/v1/stream")
    await asyncio.wait_for(streaming.begun.wait(), PATIENCE_S)
    app.state.lifetime.end_all()
    await asyncio.gather(first, second)
    assert waiting.status == 503
    assert waiting.error["code"] == "server_stopping"
    assert "server_stopping" in streaming.body.decode()
    assert streaming.is_complete


async def test_a_request_that_comes_after_the_end_is_ended_at_once() -> None:
    app = small_app()
    app.state.lifetime.end_all()
    assert (await call(app, "/v1/wait")).status == 503


async def test_a_cancellation_from_outside_is_not_taken_for_the_limit() -> None:
    app = small_app()
    _, running = await _begin(app, "/v1/wait")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert app.state.cleaned.is_set()
