"""The NPU's engine, emulated on the CPU: bounds, order, cancelling, and the end of its cache."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from counting_model import counting_facts, make_placement, write_counting_model
from nano_placement import nano_facts, npu_placement
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.limits import QUEUE_LENGTH
from ovglm.errors import OvglmError
from ovglm.manifest import read_manifest
from ovglm.messages import Chunk, Sampling
from ovglm.tokens import Tokenizer

MAX_PROMPT, MIN_RESPONSE = 128, 64
LONG = Sampling(max_new_tokens=1000, ignore_eos=True)
WAIT_S = 60.0


@pytest.fixture(scope="module")
def npu(nano: Path) -> Iterator[LocalEngine]:
    facts = nano_facts(nano)
    engine = build_engine(facts, npu_placement(MAX_PROMPT, MIN_RESPONSE), Tokenizer.load(nano))
    yield engine
    engine.close()


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[LocalEngine]:
    folder = write_counting_model(tmp_path)
    placement = make_placement("static", context=16384)
    engine = build_engine(counting_facts(folder), placement, Tokenizer.load(folder))
    yield engine
    engine.close()


def ids_of(chunks: list[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.token_ids]


def test_the_emulated_npu_says_what_it_is(npu: LocalEngine) -> None:
    assert (npu.info.kind, npu.info.device, npu.info.is_emulated) == ("static", "NPU", True)
    assert (npu.info.context, npu.info.max_prompt) == (MAX_PROMPT + MIN_RESPONSE, MAX_PROMPT)


def test_golden_tokens_come_out_of_the_static_pipeline(npu: LocalEngine, nano: Path) -> None:
    for golden in read_manifest(nano).golden:
        sampling = Sampling(max_new_tokens=len(golden.tokens))
        assert tuple(ids_of(list(npu.submit(golden.prompt, sampling)))) == golden.tokens


def test_a_prompt_longer_than_the_compiled_length_is_refused_with_both_numbers(
    npu: LocalEngine,
) -> None:
    with pytest.raises(OvglmError, match=r"129 tokens; the longest .* has 128") as caught:
        npu.submit([5] * 129, Sampling())
    assert "--context 193" in str(caught.value.hint)


def test_a_prompt_of_the_compiled_length_is_answered(npu: LocalEngine) -> None:
    chunks = list(npu.submit([5] * MAX_PROMPT, Sampling(max_new_tokens=3, ignore_eos=True)))
    assert len(ids_of(chunks)) == 3


@pytest.mark.parametrize("length", [1, 17, MAX_PROMPT])
def test_the_end_of_the_compiled_cache_is_the_reason_length(npu: LocalEngine, length: int) -> None:
    chunks = list(npu.submit([5] * length, LONG))
    assert chunks[-1].finish_reason == "length"
    assert length + len(ids_of(chunks)) == MAX_PROMPT + MIN_RESPONSE


def test_the_token_limit_is_the_reason_length(npu: LocalEngine) -> None:
    chunks = list(npu.submit([5, 6], Sampling(max_new_tokens=7, ignore_eos=True)))
    assert (len(ids_of(chunks)), chunks[-1].finish_reason) == (7, "length")


def test_a_cancelled_answer_leaves_the_npu_usable(npu: LocalEngine) -> None:
    answer = npu.submit([5, 6], LONG)
    chunks = iter(answer)
    next(chunks)
    answer.cancel()
    assert list(chunks)[-1].finish_reason == "cancelled"
    assert len(list(npu.submit([5], Sampling(max_new_tokens=2, ignore_eos=True)))) == 3


def test_a_bug_in_the_reader_of_tokens_is_raised_and_leaves_the_npu_usable(
    npu: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ovglm.engine.job.AnswerText.push", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(npu.submit([5], Sampling()))
    assert npu.counters.failed == 1
    assert len(list(npu.submit([5], Sampling(max_new_tokens=2, ignore_eos=True)))) == 3


def test_requests_are_answered_in_the_order_they_came(counting: LocalEngine) -> None:
    async def read(start: int, order: list[int]) -> None:
        async for chunk in counting.submit([start], Sampling(max_new_tokens=20, ignore_eos=True)):
            if chunk.finish_reason:
                order.append(start)

    async def read_all() -> list[int]:
        order: list[int] = []
        await asyncio.wait_for(asyncio.gather(*(read(at, order) for at in range(8))), WAIT_S)
        return order

    assert asyncio.run(read_all()) == list(range(8))


def test_a_full_queue_refuses_and_a_free_place_is_taken_again(counting: LocalEngine) -> None:
    running = counting.submit([1], Sampling(max_new_tokens=16000, ignore_eos=True))
    first = iter(running)
    next(first)
    waiting = [counting.submit([2], Sampling(max_new_tokens=1)) for _ in range(QUEUE_LENGTH)]
    assert (counting.counters.running, counting.counters.waiting) == (1, QUEUE_LENGTH)
    with pytest.raises(OvglmError, match=f"{QUEUE_LENGTH} requests wait for CPU"):
        counting.submit([3], Sampling())
    waiting[5].cancel()
    assert [chunk.finish_reason for chunk in waiting[5]] == ["cancelled"]
    late = counting.submit([3], Sampling(max_new_tokens=1))
    running.cancel()
    assert list(first)[-1].finish_reason == "cancelled"
    assert ids_of(list(late)) == [4]
    others = [answer for answer in waiting if answer is not waiting[5]]
    assert [ids_of(list(answer)) for answer in others] == [[3]] * (QUEUE_LENGTH - 1)
