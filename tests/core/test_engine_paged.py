"""Many answers side by side in the paged engine: exact, apart from each other, and soon freed."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import process_time

import openvino_genai
import pytest

from counting_model import counting_facts, make_placement, write_counting_model
from nano_placement import EXACT, cpu_placement, nano_facts
from ovglm.engine.base import EngineInfo
from ovglm.engine.build import LocalEngine, build_engine, limits_of
from ovglm.engine.paged import PagedEngine
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer

TOKENS = 24
WAIT_S = 120.0


@pytest.fixture(scope="module")
def engine(nano: Path) -> Iterator[LocalEngine]:
    """In float32: with rounded caches the batch's size may turn a tie in the last digit."""
    engine = build_engine(nano_facts(nano), cpu_placement(EXACT), Tokenizer.load(nano))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    numbers = random.Random(3)
    return [numbers.choices(range(300, 2000), k=numbers.randint(3, 90)) for _ in range(16)]


def ids_of(engine: LocalEngine, prompt: list[int], sampling: Sampling) -> list[int]:
    return [token for chunk in engine.submit(prompt, sampling) for token in chunk.token_ids]


def run_together(
    engine: LocalEngine, requests: list[tuple[list[int], Sampling]]
) -> list[list[int] | BaseException]:
    """Read all answers at once; an error takes the place of its answer."""

    async def read(prompt: list[int], sampling: Sampling) -> list[int]:
        answer = engine.submit(prompt, sampling)
        return [token async for chunk in answer for token in chunk.token_ids]

    async def read_all() -> list[list[int] | BaseException]:
        reads = (read(*request) for request in requests)
        return await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), WAIT_S)

    return asyncio.run(read_all())


def test_sixteen_answers_side_by_side_are_those_of_each_alone(
    engine: LocalEngine, prompts: list[list[int]]
) -> None:
    requests = [(prompt, Sampling(TOKENS, ignore_eos=True)) for prompt in prompts]
    alone = [ids_of(engine, *request) for request in requests]
    assert run_together(engine, requests) == alone


def test_seeds_hold_beside_fifteen_others(tmp_path: Path) -> None:
    folder = write_counting_model(tmp_path)
    facts = counting_facts(folder)
    wild = Sampling(TOKENS, temperature=2.0, ignore_eos=True)
    requests = [([at + 1], replace(wild, seed=at)) for at in range(16)]
    with closing(build_engine(facts, make_placement(), Tokenizer.load(folder))) as engine:
        alone = [ids_of(engine, *request) for request in requests]
        assert run_together(engine, requests) == alone
    assert len({tuple(ids) for ids in alone}) == 16


def test_an_error_in_one_of_sixteen_leaves_the_others_exact(
    nano: Path, engine: LocalEngine, prompts: list[list[int]]
) -> None:
    """The cache of 1,024 tokens is too small for the one prompt of 1,500, and only for it."""
    sampling = Sampling(TOKENS, ignore_eos=True)
    alone = [ids_of(engine, prompt, sampling) for prompt in prompts]
    placement = cpu_placement(EXACT, cache_tokens=1024)
    with closing(build_engine(nano_facts(nano), placement, Tokenizer.load(nano))) as small:
        requests = [(prompt, sampling) for prompt in prompts]
        requests[7] = ((prompts[7] * 100)[:1500], sampling)
        found = run_together(small, requests)
        error = found.pop(7)
        assert isinstance(error, OvglmError)
        assert "KV cache is too small for this request of 1500 prompt" in error.message
        assert found == [ids for at, ids in enumerate(alone) if at != 7]
        assert (small.counters.failed, small.counters.finished) == (1, 15)


def test_a_step_that_fails_fails_only_the_request_it_failed_for(
    nano: Path, nano_bf16: Path, prompts: list[list[int]]
) -> None:
    """Sampling beside a draft model with prefix caching makes a step of the runtime throw."""
    facts, tokenizer = nano_facts(nano_bf16), Tokenizer.load(nano_bf16)
    with closing(build_engine(facts, cpu_placement(EXACT), tokenizer)) as plain:
        greedy = Sampling(TOKENS, ignore_eos=True)
        alone = [ids_of(plain, prompt, greedy) for prompt in prompts[:6]]
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks, scheduler.enable_prefix_caching = 400, True
    draft = openvino_genai.draft_model(str(nano), "CPU", **EXACT)
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        str(nano_bf16), scheduler, "CPU", {**EXACT, "draft_model": draft}
    )
    info = EngineInfo("nano", "", "paged", "CPU", "a CPU", "", 2048, 2047, 0.0)
    limits = limits_of(facts, cpu_placement())
    failing = PagedEngine(pipeline, info, limits, tokenizer, {"num_assistant_tokens": 4})
    with closing(failing):
        wild = Sampling(80, temperature=1.0, seed=3, ignore_eos=True)
        requests = [(prompt, greedy) for prompt in prompts[:6]]
        found = run_together(failing, [*requests[:3], (prompts[8], wild), *requests[3:]])
        error = found.pop(3)
        assert isinstance(error, OvglmError)
        assert "the runtime failed to answer" in error.message
        assert found == alone
        assert ids_of(failing, prompts[0], greedy) == alone[0]


def test_a_cancel_frees_the_cache_within_one_step(nano: Path) -> None:
    """The prompt fills a cache of 512 tokens; the next one that does finds it free."""
    placement = cpu_placement(cache_tokens=512)
    with closing(build_engine(nano_facts(nano), placement, Tokenizer.load(nano))) as small:
        for start in range(300, 306):
            prompt = [start + at % 40 for at in range(470)]
            chunks = iter(small.submit(prompt, Sampling(40, ignore_eos=True)))
            next(chunks)
            assert small.counters.cache_usage > 0.9
            chunks.close()
        counters = small.counters
    assert counters.failed == 0
    assert counters.submitted == 6


def test_a_cancelled_answer_leaves_the_others_running(
    engine: LocalEngine, prompts: list[list[int]]
) -> None:
    sampling = Sampling(TOKENS, ignore_eos=True)
    alone = ids_of(engine, prompts[0], sampling)
    leaving = iter(engine.submit(prompts[1], Sampling(500, ignore_eos=True)))
    staying = engine.submit(prompts[0], sampling)
    next(leaving)
    leaving.close()
    assert [token for chunk in staying for token in chunk.token_ids] == alone


def test_a_repeated_prompt_gives_the_same_answer_from_the_prefix_cache(engine: LocalEngine) -> None:
    prompt = [300 + at % 50 for at in range(1500)]
    sampling = Sampling(8, ignore_eos=True)
    assert ids_of(engine, prompt, sampling) == ids_of(engine, prompt, sampling)


def test_an_idle_engine_uses_no_processor(tmp_path: Path) -> None:
    folder = write_counting_model(tmp_path)
    facts = counting_facts(folder)
    with closing(build_engine(facts, make_placement(), Tokenizer.load(folder))) as engine:
        list(engine.submit([1], Sampling(5)))
        start = process_time()
        Event().wait(0.3)
        assert process_time() - start < 0.15
