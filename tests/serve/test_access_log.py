"""What the log says of a request, and what it must never say."""

import asyncio
import logging

import pytest

from asgi_calls import Call, call
from ovglm.messages import Sampling
from ovglm_serve.holds import holding
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from pool_fakes import served
from small_app import small_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def _lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in log.records if one.name == "ovglm_serve.access"]


async def test_a_request_is_one_line_with_the_id_that_the_client_gets(
    log: pytest.LogCaptureFixture,
) -> None:
    reply = await call(small_app(), "/v1/echo", method="POST", chunks=[b"hi"])
    (line,) = _lines(log)
    client, method, path, status, _, unit, name = line.split(" ")
    assert (client, method, path, status, unit) == ("127.0.0.1", "POST", "/v1/echo", "200", "ms")
    assert reply.reply_headers["x-request-id"] == name
    assert len(name) == 32


async def test_the_clients_own_id_is_kept_where_it_is_harmless(
    log: pytest.LogCaptureFixture,
) -> None:
    headers = {"x-request-id": "req-7.a_B"}
    reply = await call(small_app(), "/health", headers=headers)
    assert reply.reply_headers["x-request-id"] == "req-7.a_B"
    assert _lines(log)[0].endswith(" req-7.a_B")
    for bad in ("x" * 65, "a b", "a\tGET /fake 200", "é"):
        reply = await call(small_app(), "/health", headers={"x-request-id": bad})
        assert len(reply.reply_headers["x-request-id"]) == 32


async def test_a_path_cannot_forge_a_line(log: pytest.LogCaptureFixture) -> None:
    await call(small_app(), "/v1/x\n127.0.0.1 GET /fake 200")
    (line,) = _lines(log)
    assert "\n" not in line
    assert "/v1/x%0A127.0.0.1%20GET%20/fake%20200 404" in line


async def test_refusals_and_bugs_are_logged_with_their_status(
    log: pytest.LogCaptureFixture,
) -> None:
    app = small_app(Settings(api_key="secret"))
    await call(app, "/v1/echo")
    with pytest.raises(ZeroDivisionError):
        await call(app, "/v1/bug", headers={"authorization": "Bearer secret"})
    assert [line.split(" ")[3] for line in _lines(log)] == ["401", "500"]


async def test_a_client_that_leaves_is_logged_as_499(log: pytest.LogCaptureFixture) -> None:
    one = Call("/v1/stream")
    running = asyncio.create_task(one.run(small_app()))
    await one.begun.wait()
    one.leave.set()
    await running
    assert _lines(log)[0].split(" ")[3] == "499"


async def test_neither_bodies_nor_keys_nor_queries_are_in_any_log(
    log: pytest.LogCaptureFixture,
) -> None:
    app = small_app(Settings(api_key="hidden-key"))
    key = {"authorization": "Bearer hidden-key", "content-type": "application/json"}
    for headers in (key, {"authorization": "Bearer wrong-hidden-key"}):
        for path in ("/v1/echo", "/v1/nothing"):
            await call(app, path, method="POST", headers=headers, chunks=[b"hidden-words"])
    assert len(_lines(log)) == 4
    assert "hidden" not in log.text


async def _read(pool: ModelPool, prompt: str) -> None:
    model = await pool.get("talker")
    ids = model.tokenizer.encode(prompt, allow_special=False)
    answer = model.engine.submit(ids, Sampling())
    assert [chunk async for chunk in answer]


async def test_prompts_are_logged_only_when_that_was_asked_for(
    log: pytest.LogCaptureFixture,
) -> None:
    await _read(ModelPool.of(served()), "hidden words")
    assert "hidden" not in log.text
    with holding("req-1"):
        await _read(ModelPool.of(served(), settings=Settings(log_prompts=True)), "shown\nwords")
    (line,) = [one.getMessage() for one in log.records if one.name == "ovglm_serve.prompts"]
    assert line == 'req-1 talker reads "shown\\nwords"'
