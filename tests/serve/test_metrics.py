"""What /metrics counts, and when an answer that nobody reads is ended."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from asgi_calls import Call, call
from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.testing import FakeEngine
from ovglm_serve.holds import holding
from ovglm_serve.pool import ModelPool
from ovglm_serve.served_model import MeteredAnswer, ServedModel
from ovglm_serve.settings import Settings
from pool_fakes import Workers, served, speech
from small_app import small_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class HeldEngine(FakeEngine):
    """An engine whose answers get what the test puts into them."""

    def __init__(self) -> None:
        super().__init__([])
        self.counts = Counters(running=2, waiting=3, cache_usage=0.25, cache_bytes=4096)
        self.answers: list[QueuedAnswer] = []
        self.cancelled = 0

    @property
    def counters(self) -> Counters:
        """Give what the test says."""
        return self.counts

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Begin an answer."""
        answer = QueuedAnswer(self._cancel, sampling.n)
        self.answers.append(answer)
        return answer

    def _cancel(self) -> None:
        self.cancelled += 1


def _held() -> tuple[HeldEngine, ModelPool]:
    engine, one = HeldEngine(), speech()
    facts = served().facts
    model = ServedModel("m", facts, engine, one.tokenizer, one.template, one.dialect)
    return engine, ModelPool.of(model)


def _figures(pool: ModelPool) -> dict[str, float]:
    """Map `name{label values}` to the figure."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(pool.metrics.show().decode()):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


async def test_tokens_and_their_times_are_counted_as_the_answer_is_read() -> None:
    engine, pool = _held()
    model = await pool.get("m")
    answer = model.engine.submit([1, 2, 3], Sampling())
    for chunk in (Chunk((4,)), Chunk((5, 6)), Chunk((7,)), Chunk(finish_reason="stop")):
        engine.answers[0].put(chunk)
    assert len([chunk async for chunk in answer]) == 4
    figures = _figures(pool)
    assert figures["ovglm_prompt_tokens_total{m}"] == 3
    assert figures["ovglm_generated_tokens_total{m}"] == 4
    assert figures["ovglm_time_to_first_token_seconds_count{m}"] == 1
    # three tokens follow the first one
    assert figures["ovglm_inter_token_seconds_count{m}"] == 3
    assert figures["ovglm_aborted_requests_total{m}"] == 0


async def test_a_reader_in_a_thread_and_a_sink_are_counted_too() -> None:
    engine, pool = _held()
    model = await pool.get("m")
    for number in range(2):
        answer = model.engine.submit([1], Sampling())
        engine.answers[number].put(Chunk((4,)))
        engine.answers[number].put(Chunk(finish_reason="length"))
        if number == 0:
            assert len(list(answer)) == 2
        else:
            answer.forward(_Sink())
    figures = _figures(pool)
    assert figures["ovglm_generated_tokens_total{m}"] == 2
    assert figures["ovglm_aborted_requests_total{m}"] == 0


class _Sink:
    def put(self, item: Chunk | BaseException) -> None:
        pass

    def flush(self) -> None:
        pass


async def test_a_reader_that_leaves_ends_the_answer_and_is_counted_once() -> None:
    engine, pool = _held()
    model = await pool.get("m")
    with holding():
        answer = model.engine.submit([1], Sampling())
        engine.answers[0].put(Chunk((4,)))
        assert isinstance(answer, MeteredAnswer)
        async with aclosing(answer.__aiter__()) as chunks:
            assert await anext(chunks) == Chunk((4,))
        assert engine.cancelled == 1
    assert _figures(pool)["ovglm_aborted_requests_total{m}"] == 1


async def test_an_answer_that_was_never_read_ends_with_its_request() -> None:
    engine, pool = _held()
    model = await pool.get("m")
    with holding():
        model.engine.submit([1], Sampling(n=2))
        assert engine.cancelled == 0
    assert engine.cancelled == 1
    assert _figures(pool)["ovglm_aborted_requests_total{m}"] == 1


async def test_a_finished_answer_is_not_cancelled_at_the_end_of_its_request() -> None:
    engine, pool = _held()
    model = await pool.get("m")
    with holding():
        answer = model.engine.submit([1], Sampling())
        engine.answers[0].put(Chunk(finish_reason="stop"))
        assert [chunk async for chunk in answer]
    assert engine.cancelled == 0


async def test_the_engines_own_figures_are_read_at_each_scrape() -> None:
    engine, pool = _held()
    figures = _figures(pool)
    assert figures["ovglm_running_requests{m}"] == 2
    assert figures["ovglm_queue_depth{m}"] == 3
    assert figures["ovglm_cache_usage_ratio{m}"] == 0.25
    assert figures["ovglm_cache_bytes{m}"] == 4096
    engine.counts = Counters(running=5)
    assert _figures(pool)["ovglm_running_requests{m}"] == 5


async def test_requests_that_wait_for_a_load_are_in_the_queue() -> None:
    workers = Workers(is_instant=False)
    pool = ModelPool([workers.source("a")])

    async def ask() -> None:
        with holding():
            await pool.get("a")

    waiting = [asyncio.create_task(ask()) for _ in range(2)]
    assert await asyncio.to_thread(workers.started.wait, 20)
    figures = _figures(pool)
    assert figures["ovglm_queue_depth{a}"] == 2
    assert figures["ovglm_model_state{a,loading}"] == 1
    assert figures["ovglm_model_state{a,ready}"] == 0
    workers["a"].load()
    await asyncio.gather(*waiting)
    assert _figures(pool)["ovglm_model_state{a,ready}"] == 1


async def test_requests_are_counted_by_route_and_status_with_few_labels() -> None:
    app = small_app(Settings(max_body_bytes=4))
    await call(app, "/v1/echo", method="POST", chunks=[b"hi"])
    await call(app, "/v1/echo", method="POST", chunks=[b"too long"])
    for number in range(3):
        await call(app, f"/v1/use/model-{number}")
        await call(app, f"/nothing/{number}")
    await call(app, "/health", method="BREW")
    one = Call("/v1/stream")
    running = asyncio.create_task(one.run(app))
    await one.begun.wait()
    one.leave.set()
    await running
    found = {
        name.removeprefix("ovglm_requests_total"): value
        for name, value in _figures(app.state.models).items()
        if name.startswith("ovglm_requests_total")
    }
    assert found == {
        "{POST,/v1/echo,200}": 1, "{POST,/v1/echo,413}": 1, "{GET,/v1/use/{name},404}": 3,
        "{GET,other,404}": 3, "{other,/health,405}": 1, "{GET,/v1/stream,499}": 1,
    }  # fmt: skip


async def test_the_route_gives_prometheus_text() -> None:
    reply = await call(small_app(), "/metrics")
    assert reply.reply_headers["content-type"].startswith("text/plain")
    assert "ovglm_queue_depth" in reply.body.decode()


async def test_two_apps_in_one_process_count_apart() -> None:
    first, second = small_app(), small_app()
    await call(first, "/health")
    name = "ovglm_requests_total{GET,/health,200}"
    assert _figures(first.state.models)[name] == 1
    assert name not in _figures(second.state.models)
