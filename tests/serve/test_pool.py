"""When models are loaded, who shares a load, and what is told of one that is not there."""

import asyncio
from dataclasses import replace

import pytest

from machines import EMULATED_NPU
from ovglm.errors import OvglmError
from ovglm_serve.holds import holding
from ovglm_serve.limits import QueueFull
from ovglm_serve.pool import ModelDown, ModelPool, UnknownModel
from ovglm_serve.settings import Settings
from pool_fakes import PATIENCE_S, Workers, served

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_the_first_model_is_loaded_at_the_start_and_others_when_they_are_asked_for() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a"), workers.source("b")])
    async with pool.lifespan():
        await pool.wait_until_started()
        assert [one.state for one in pool.list()] == ["ready", "unloaded"]
        model = await pool.get("b")
        assert model.name == "b"
        assert model.engine.info.model == "b"
        assert [one.state for one in pool.list()] == ["ready", "ready"]
        assert (await pool.get("b")) is model
    assert workers["a"].is_closed
    assert workers["b"].is_closed


async def test_requests_at_the_same_time_share_one_load() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")])
    waiting = [asyncio.create_task(pool.get("a")) for _ in range(3)]
    assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
    assert pool.status("a").state == "loading"
    workers["a"].load()
    models = await asyncio.gather(*waiting)
    assert len({id(one) for one in models}) == 1
    assert workers.count("a") == 1


async def test_a_request_that_leaves_does_not_end_the_load() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")])
    leaving, staying = (asyncio.create_task(pool.get("a")) for _ in range(2))
    assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    workers["a"].load()
    assert (await staying).name == "a"


async def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a"), workers.source("b")])
    with pytest.raises(UnknownModel, match="'gpt-4' is not served here") as caught:
        await pool.get("gpt-4")
    assert caught.value.hint == "the models are a, b"
    with pytest.raises(UnknownModel):
        pool.status("gpt-4")


async def test_two_models_of_one_name_are_refused() -> None:
    workers = Workers()
    with pytest.raises(OvglmError, match="two models are called a"):
        ModelPool([workers.source("a"), workers.source("a")])


async def test_a_load_that_fails_is_told_and_tried_again_after_a_while() -> None:
    clock, workers = Clock(), Workers()
    workers.failures["a"] = OvglmError("the folder is damaged", "ovglm export a")
    pool = ModelPool([workers.source("a")], clock=clock)
    for _ in range(2):
        with pytest.raises(ModelDown, match="the folder is damaged") as caught:
            await pool.get("a")
        assert caught.value.hint == "ovglm export a"
    assert workers.count("a") == 1
    assert (pool.status("a").state, pool.status("a").why) == ("down", "the folder is damaged")
    assert workers["a"].is_closed
    del workers.failures["a"]
    clock.now += 11
    assert (await pool.get("a")).name == "a"
    assert (pool.status("a").state, pool.status("a").why) == ("ready", "")


async def test_a_worker_that_is_down_is_told_with_its_reason_and_replaced_after_a_while() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source("a")], clock=clock)
    await pool.get("a")
    first = workers["a"]
    first.go_down(OvglmError("it failed 3 times"))
    for _ in range(2):
        with pytest.raises(ModelDown, match="the model a cannot answer: it failed 3 times"):
            await pool.get("a")
    assert pool.state == "down"
    clock.now += 11
    await pool.get("a")
    assert first.is_closed
    assert workers.count("a") == 2


async def test_a_worker_that_restarts_still_takes_requests() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a")])
    model = await pool.get("a")
    workers["a"].state, workers["a"].why = "restarting", "it was ended by SIGKILL"
    assert (await pool.get("a")) is model
    assert pool.status("a").why == "it was ended by SIGKILL"
    assert pool.state == "restarting"


async def test_a_request_counts_until_it_is_over_and_too_many_are_refused() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a"), workers.source("b")], Settings(max_queue=1))
    with holding():
        await pool.get("a")
        assert pool.status("a").open == 1
        with holding(), pytest.raises(QueueFull):
            await pool.get("a")
        with holding():
            await pool.get("b")
    assert pool.status("a").open == 0
    with holding():
        await pool.get("a")


async def test_requests_that_wait_for_the_load_count_too() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")], Settings(max_queue=1))

    async def ask() -> None:
        with holding():
            await pool.get("a")

    waiting = asyncio.create_task(ask())
    assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
    with pytest.raises(QueueFull):
        await ask()
    workers["a"].load()
    await waiting


async def test_a_model_on_the_npu_lets_no_more_wait_than_its_engine_does() -> None:
    from ovglm.engine.limits import QUEUE_LENGTH

    pool = ModelPool([Workers().source("a", device=EMULATED_NPU)])
    with holding():
        for _ in range(QUEUE_LENGTH):
            await pool.get("a")
        with pytest.raises(QueueFull):
            await pool.get("a")


async def test_the_server_is_loading_until_the_first_model_is_ready() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a"), workers.source("b")])
    async with pool.lifespan():
        assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
        assert pool.state == "loading"
        workers["a"].load()
        await pool.wait_until_started()
        assert pool.state == "ready"


async def test_a_first_load_that_fails_is_raised_for_the_command() -> None:
    workers = Workers()
    failure = workers.failures["a"] = OvglmError("too little memory", "--context 2048")
    pool = ModelPool([workers.source("a")])
    async with pool.lifespan():
        with pytest.raises(ModelDown) as caught:
            await pool.wait_until_started()
        assert caught.value.__cause__ is failure
        assert pool.state == "down"


async def test_the_end_of_the_server_ends_a_load() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")])
    async with pool.lifespan():
        assert await asyncio.to_thread(workers.started.wait, PATIENCE_S)
    assert workers["a"].is_closed
    with pytest.raises(ModelDown, match="the server is stopping"):
        await pool.get("a")


async def test_models_that_are_there_already_are_served_as_they_are() -> None:
    pool = ModelPool.of(served("x"), served("y"))
    assert pool.names == ("x", "y")
    assert pool.state == "ready"
    assert [one.state for one in pool.list()] == ["ready", "ready"]
    async with pool.lifespan():
        assert (await pool.get("x")).engine.info.model == "fake"


async def test_a_model_tells_where_it_will_run_and_then_where_it_runs() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a")])
    before = pool.status("a")
    assert (before.device, before.context, before.info) == ("CPU", 4096, None)
    await pool.get("a")
    workers["a"].info = replace(workers["a"].info, device="GPU", context=2048)
    after = pool.status("a")
    assert (after.device, after.context) == ("GPU", 2048)
