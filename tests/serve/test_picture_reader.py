"""Who reads pictures, and that nobody else waits for it."""

import asyncio
import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

import ovglm_serve.picture_reader
from asgi_calls import Call, call
from ovglm.pictures import Picture, read_picture
from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from serve_apps import HI, ByteEngine, fake_model
from small_pictures import EACH, PARTS_TEMPLATE, image_part

pytestmark = pytest.mark.anyio

SHOWN = [{"role": "user", "content": [image_part()]}]
PATIENCE_S = 20


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class SlowReading:
    """Reads a picture when the test says so."""

    def __init__(self) -> None:
        self.begun, self.may_end = Event(), Event()
        self.count = 0

    def __call__(self, source: bytes, facts: Any, name: str) -> Picture:
        """Read, after a while."""
        self.count += 1
        self.begun.set()
        assert self.may_end.wait(PATIENCE_S)
        return read_picture(source, facts, name)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowReading]:
    """Make every picture slow to read."""
    slow = SlowReading()
    monkeypatch.setattr(ovglm_serve.picture_reader, "read_picture", slow)
    yield slow
    slow.may_end.set()


def _app(engine: ByteEngine) -> Any:
    model = fake_model(engine, dialect="glm_edge", template=PARTS_TEMPLATE)
    return create_app(ModelPool.of(model), Settings())


def _chat(**fields: Any) -> dict[str, Any]:
    body = json.dumps({**HI, **fields}).encode()
    return {"method": "POST", "chunks": [body], "headers": {"content-type": "application/json"}}


async def test_texts_are_answered_while_a_picture_is_read(reading: SlowReading) -> None:
    engine = ByteEngine("ok", vision=EACH)
    app = _app(engine)
    path = "/v1/chat/completions"
    slow = asyncio.create_task(call(app, path, **_chat(messages=SHOWN)))
    assert await asyncio.to_thread(reading.begun.wait, PATIENCE_S)
    # more than the event loop's own threads could wait for
    waiting = [asyncio.create_task(call(app, path, **_chat(messages=SHOWN))) for _ in range(40)]
    for _ in range(3):
        assert (await call(app, path, **_chat())).status == 200
        assert (await call(app, path, **_chat(stream=True))).status == 200
    assert not slow.done() and reading.count == 1
    assert len(engine.requests) == 6
    reading.may_end.set()
    replies = await asyncio.gather(slow, *waiting)
    assert {one.status for one in replies} == {200}


async def test_a_client_that_leaves_is_not_waited_for(reading: SlowReading) -> None:
    engine = ByteEngine("ok", vision=EACH)
    app = _app(engine)
    calls = [Call("/v1/chat/completions", **_chat(messages=SHOWN)) for _ in range(2)]
    running = [asyncio.create_task(one.run(app)) for one in calls]
    assert await asyncio.to_thread(reading.begun.wait, PATIENCE_S)
    for one in calls:
        one.leave.set()
    await asyncio.gather(*running)
    assert [one.status for one in calls] == [499, 499]
    reading.may_end.set()
    assert (await call(app, "/v1/chat/completions", **_chat())).status == 200
    assert len(engine.requests) == 1 and reading.count == 1
