"""What /health says in each state, and how the pool's refusals look on the wire."""

import asyncio

import pytest

from asgi_calls import call
from ovglm.errors import OvglmError
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from pool_fakes import PATIENCE_S, Workers
from small_app import small_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_it_is_503_while_the_first_model_loads_and_200_when_it_is_there() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a"), workers.source("b")])
    app = small_app(models=pool)
    async with pool.lifespan():
        assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
        reply = await call(app, "/health")
        assert reply.status == 503
        assert reply.json == {
            "status": "loading", "models": {"a": "loading", "b": "unloaded"},
        }  # fmt: skip
        workers["a"].load()
        await pool.wait_until_started()
        reply = await call(app, "/health")
        assert (reply.status, reply.json["status"]) == (200, "ready")


@pytest.mark.parametrize("state", ["restarting", "down"])
async def test_it_is_503_when_no_model_can_answer(state: str) -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a")])
    await pool.get("a")
    workers["a"].state = state
    reply = await call(small_app(models=pool), "/health")
    assert (reply.status, reply.json["status"]) == (503, state)


async def test_one_model_that_can_answer_is_enough() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a"), workers.source("b")])
    await pool.get("a")
    await pool.get("b")
    workers["a"].go_down(OvglmError("it failed 3 times"))
    reply = await call(small_app(models=pool), "/health")
    assert (reply.status, reply.json["models"]) == (200, {"a": "down", "b": "ready"})
    assert "failed" not in reply.body.decode()


async def test_it_is_503_while_the_server_stops() -> None:
    app = small_app()
    app.state.lifetime.begin_stop()
    reply = await call(app, "/health")
    assert (reply.status, reply.json["status"]) == (503, "stopping")


async def test_an_unknown_model_is_404() -> None:
    reply = await call(small_app(), "/v1/use/gpt-4")
    assert reply.status == 404
    assert reply.error["code"] == "model_not_found"
    assert reply.error["param"] == "model"
    assert "the models are talker" in reply.error["message"]


async def test_a_model_that_is_down_is_503_with_the_reason() -> None:
    workers = Workers()
    workers.failures["a"] = OvglmError("the folder is damaged", "ovglm export a")
    reply = await call(small_app(models=ModelPool([workers.source("a")])), "/v1/use/a")
    assert reply.status == 503
    assert reply.error["code"] == "model_down"
    assert "the folder is damaged (try: ovglm export a)" in reply.error["message"]


async def test_a_full_queue_is_429_with_the_time_to_come_again() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")], Settings(max_queue=1))
    app = small_app(models=pool)
    waiting = asyncio.create_task(call(app, "/v1/use/a"))
    assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
    reply = await call(app, "/v1/use/a")
    assert reply.status == 429
    assert reply.error["type"] == "rate_limit_error"
    assert reply.error["code"] == "queue_full"
    assert reply.reply_headers["retry-after"] == "1"
    workers["a"].load()
    assert (await waiting).status == 200
    assert (await call(app, "/v1/use/a")).status == 200
