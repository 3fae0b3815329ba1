"""The likeliest tokens in each place: in order, in step with the answer, and only for who asks."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from nano_placement import EXACT, cpu_placement, nano_facts, npu_placement
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.paged import PagedEngine
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.tokens import Tokenizer

TOKENS = 20
PLAIN = Sampling(TOKENS, logprobs=True, ignore_eos=True)
WITH_BEST = replace(PLAIN, top_logprobs=5)


@pytest.fixture(scope="module")
def engine(nano: Path) -> Iterator[LocalEngine]:
    placement = cpu_placement(EXACT)
    with closing(build_engine(nano_facts(nano), placement, Tokenizer.load(nano))) as engine:
        yield engine


@pytest.fixture(scope="module")
def prompt() -> list[int]:
    return random.Random(8).choices(range(300, 2000), k=150)


def ids_of(chunks: list[Chunk]) -> list[int]:
    return [token for chunk in chunks for token in chunk.token_ids]


def own_of(chunks: list[Chunk]) -> list[float]:
    return [value for chunk in chunks for value in chunk.logprobs]


def test_they_agree_with_the_engines_own_numbers(engine: LocalEngine, prompt: list[int]) -> None:
    plain = list(engine.submit(prompt, PLAIN))
    scored = list(engine.submit(prompt, WITH_BEST))
    best = [place for chunk in scored for place in chunk.top_logprobs]
    assert ids_of(scored) == ids_of(plain)
    assert own_of(scored) == pytest.approx(own_of(plain), abs=0.02)
    assert [place[0][0] for place in best] == ids_of(plain)
    assert [place[0][1] for place in best] == own_of(scored)


def test_there_are_as_many_as_were_asked_for_and_the_best_come_first(
    engine: LocalEngine, prompt: list[int]
) -> None:
    for count in (1, 20):
        for chunk in engine.submit(prompt, replace(WITH_BEST, top_logprobs=count)):
            assert len(chunk.top_logprobs) == len(chunk.token_ids) == len(chunk.logprobs)
            for place in chunk.top_logprobs:
                values = [value for _, value in place]
                assert len({token for token, _ in place}) == count
                assert values == sorted(values, reverse=True)


def test_the_other_answers_have_none(engine: LocalEngine, prompt: list[int]) -> None:
    answers = [engine.submit(prompt, each) for each in (WITH_BEST, PLAIN, Sampling(TOKENS))]
    with_best, plain, silent = (list(answer) for answer in answers)
    assert sum(len(chunk.top_logprobs) for chunk in with_best) == TOKENS
    assert not any(chunk.top_logprobs for chunk in (*plain, *silent))
    assert not own_of(silent)


def test_several_sampled_answers_are_scored_apart(engine: LocalEngine, prompt: list[int]) -> None:
    sampling = replace(WITH_BEST, temperature=1.5, seed=3, n=3)
    chunks = list(engine.submit(prompt, sampling))
    for index in range(3):
        mine = [chunk for chunk in chunks if chunk.index == index]
        alone = [*prompt, *ids_of(mine)[:-1]]
        (again,) = (c for c in engine.submit(alone, replace(WITH_BEST, max_new_tokens=1))
                    if c.token_ids)  # fmt: skip
        last = [place for chunk in mine for place in chunk.top_logprobs][-1]
        assert [token for token, _ in last] == [token for token, _ in again.top_logprobs[0]]
        assert mine[-1].finish_reason == "length"


def test_a_scored_answer_can_be_cancelled(engine: LocalEngine, prompt: list[int]) -> None:
    answer = engine.submit(prompt, replace(WITH_BEST, max_new_tokens=1500))
    reader = iter(answer)
    next(reader)
    answer.cancel()
    assert [chunk.finish_reason for chunk in reader][-1] == "cancelled"


def test_a_model_that_cannot_be_compiled_again_fails_that_request_alone(
    nano: Path, tmp_path: Path, prompt: list[int]
) -> None:
    placement = cpu_placement(EXACT)
    with closing(build_engine(nano_facts(nano), placement, Tokenizer.load(nano))) as engine:
        assert isinstance(engine, PagedEngine)
        assert engine.scorer is not None
        engine.scorer.model.path = tmp_path / "gone.xml"
        with pytest.raises(OvglmError, match="the log-probabilities could not be computed"):
            list(engine.submit(prompt, WITH_BEST))
        assert len(ids_of(list(engine.submit(prompt, PLAIN)))) == TOKENS


def test_an_npu_has_them_from_the_cpu(engine: LocalEngine, nano: Path) -> None:
    prompt = random.Random(9).choices(range(300, 2000), k=60)
    placement = npu_placement(128, 64, **EXACT)
    with closing(build_engine(nano_facts(nano), placement, Tokenizer.load(nano))) as npu:
        mine, plain = (list(npu.submit(prompt, each)) for each in (WITH_BEST, PLAIN))
    theirs = list(engine.submit(prompt, WITH_BEST))
    assert ids_of(mine) == ids_of(theirs) == ids_of(plain)
    assert own_of(mine) == pytest.approx(own_of(theirs), abs=1e-4)
    assert own_of(plain) == own_of(mine)
    places = [[token for token, _ in place] for chunk in mine for place in chunk.top_logprobs]
    assert [place[0] for place in places] == ids_of(mine) and {len(one) for one in places} == {5}


def test_they_need_logprobs_and_are_at_most_twenty() -> None:
    with pytest.raises(OvglmError, match="top_logprobs is 3"):
        Sampling(top_logprobs=3)
    with pytest.raises(OvglmError, match="from 0 to 20"):
        Sampling(logprobs=True, top_logprobs=21)
