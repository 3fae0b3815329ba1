"""Every sampling option does what it says, and equal seeds give equal texts."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from math import exp, log1p
from pathlib import Path

import pytest

from counting_model import counting_facts, make_placement, write_counting_model
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.config import Seeds, to_config
from ovglm.engine.limits import Limits
from ovglm.messages import Chunk, Sampling
from ovglm.tokens import Tokenizer

LIMITS = Limits(context=100, max_prompt=80, vocabulary=32, stop_ids=frozenset({5, 3}))
WILD = Sampling(max_new_tokens=40, temperature=2.0, ignore_eos=True, seed=7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_counting_model(tmp_path_factory.mktemp("counting"))


@pytest.fixture(scope="module", params=["paged", "static"])
def engine(folder: Path, request: pytest.FixtureRequest) -> Iterator[LocalEngine]:
    placement = make_placement(request.param)
    engine = build_engine(counting_facts(folder), placement, Tokenizer.load(folder))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def paged(folder: Path) -> Iterator[LocalEngine]:
    engine = build_engine(counting_facts(folder), make_placement(), Tokenizer.load(folder))
    yield engine
    engine.close()


def ids_of(engine: LocalEngine, sampling: Sampling, prompt: tuple[int, ...] = (1,)) -> list[int]:
    return [token for chunk in engine.submit(prompt, sampling) for token in chunk.token_ids]


def answers_of(chunks: list[Chunk], count: int) -> list[list[int]]:
    answers: list[list[int]] = [[] for _ in range(count)]
    for chunk in chunks:
        answers[chunk.index].extend(chunk.token_ids)
    return answers


def test_greedy_leaves_the_choice_to_nobody() -> None:
    config = to_config(Sampling(max_new_tokens=9), LIMITS, 10, seed=1)
    assert not config.do_sample
    assert (config.max_new_tokens, config.logprobs, config.ignore_eos) == (9, 0, False)
    assert config.stop_token_ids == {5, 3}
    assert config.eos_token_id in config.stop_token_ids
    assert not config.apply_chat_template


def test_every_option_reaches_the_runtime() -> None:
    sampling = Sampling(
        temperature=0.5, top_p=0.9, top_k=7, min_p=0.25, repetition_penalty=1.5,
        presence_penalty=0.25, frequency_penalty=-0.5, ignore_eos=True, logprobs=True,
    )  # fmt: skip
    config = to_config(sampling, LIMITS, 10, seed=11)
    assert config.do_sample
    assert (config.temperature, config.top_k, config.rng_seed) == (0.5, 7, 11)
    assert (config.top_p, config.min_p) == (pytest.approx(0.9), 0.25)
    assert config.repetition_penalty == 1.5
    assert (config.presence_penalty, config.frequency_penalty) == (0.25, -0.5)
    assert (config.ignore_eos, config.logprobs) == (True, 1)
    config.validate()


def test_an_answer_may_fill_the_context_and_no_more() -> None:
    assert to_config(Sampling(max_new_tokens=1000), LIMITS, 60, seed=0).max_new_tokens == 40


def test_seeds_differ_from_answer_to_answer_and_fit_the_generator() -> None:
    seeds = Seeds(Sampling(seed=2**32 - 1))
    assert [seeds.of(index) for index in range(3)] == [2**32 - 1, 0, 1]
    assert Seeds(Sampling()).of(0) != Seeds(Sampling()).of(0)


def test_the_same_seed_gives_the_same_text(engine: LocalEngine) -> None:
    first = ids_of(engine, WILD)
    assert first == ids_of(engine, WILD)
    assert len(set(first)) > 1


def test_another_seed_and_no_seed_give_another_text(engine: LocalEngine) -> None:
    texts = [ids_of(engine, replace(WILD, seed=seed)) for seed in (1, 2, None, None)]
    assert len({tuple(text) for text in texts}) == 4


def test_top_k_of_one_is_greedy(engine: LocalEngine) -> None:
    narrow = replace(WILD, top_k=1, max_new_tokens=10)
    assert ids_of(engine, narrow) == list(range(2, 12))


def test_a_small_top_p_is_greedy(engine: LocalEngine) -> None:
    narrow = replace(WILD, top_p=0.01, max_new_tokens=10)
    assert ids_of(engine, narrow) == list(range(2, 12))


def test_a_min_p_near_one_is_greedy(engine: LocalEngine) -> None:
    narrow = replace(WILD, min_p=0.99, max_new_tokens=10)
    assert ids_of(engine, narrow) == list(range(2, 12))


@pytest.mark.parametrize(
    "penalized",
    [
        replace(WILD, repetition_penalty=10.0),
        replace(WILD, presence_penalty=2.0),
        replace(WILD, frequency_penalty=2.0),
    ],
    ids=["repetition", "presence", "frequency"],
)
def test_penalties_make_a_token_less_likely_the_second_time(
    engine: LocalEngine, penalized: Sampling
) -> None:
    """The model counts in a circle of 32 tokens, so the likeliest next one was there before."""

    def count_steps(sampling: Sampling) -> int:
        ids = ids_of(engine, replace(sampling, max_new_tokens=300))
        return sum(after == (before + 1) % 32 for before, after in pairwise(ids[32:]))

    assert count_steps(penalized) < count_steps(WILD)


def test_greedy_answers_to_one_prompt_are_equal(engine: LocalEngine) -> None:
    chunks = list(engine.submit([3, 16], Sampling(n=3)))
    assert answers_of(chunks, 3) == [[17, 18, 19]] * 3
    assert sorted(chunk.index for chunk in chunks if chunk.finish_reason) == [0, 1, 2]


def test_sampled_answers_to_one_prompt_are_those_of_the_next_seeds(engine: LocalEngine) -> None:
    chunks = list(engine.submit([1], replace(WILD, n=4)))
    alone = [ids_of(engine, replace(WILD, seed=7 + index)) for index in range(4)]
    assert answers_of(chunks, 4) == alone
    assert len({tuple(ids) for ids in alone}) == 4


def test_sampled_answers_end_each_for_itself(engine: LocalEngine) -> None:
    sampling = Sampling(max_new_tokens=300, temperature=2.0, seed=3, n=5)
    reasons = [chunk for chunk in engine.submit([1], sampling) if chunk.finish_reason]
    assert sorted(chunk.index for chunk in reasons) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logprobs_come_with_each_token(paged: LocalEngine, temperature: float) -> None:
    sampling = Sampling(max_new_tokens=5, logprobs=True, temperature=temperature, seed=1)
    chunks = list(paged.submit([1], sampling))
    assert all(len(chunk.logprobs) == len(chunk.token_ids) for chunk in chunks)
    # the logit of the next number is 10, all others are about 0
    best = -log1p(31 * exp(-10))
    assert chunks[0].logprobs[0] == pytest.approx(best, abs=1e-3)


def test_without_logprobs_there_are_none(paged: LocalEngine) -> None:
    assert not any(chunk.logprobs for chunk in paged.submit([1], Sampling(max_new_tokens=3)))


def test_the_static_engine_gives_them_too(folder: Path) -> None:
    engine = build_engine(counting_facts(folder), make_placement("static"), Tokenizer.load(folder))
    with closing(engine):
        chunks = list(engine.submit([1], Sampling(max_new_tokens=5, logprobs=True)))
    assert all(len(chunk.logprobs) == len(chunk.token_ids) for chunk in chunks)
    assert chunks[0].logprobs[0] == pytest.approx(-log1p(31 * exp(-10)), abs=1e-3)
    assert not any(chunk.top_logprobs for chunk in chunks)
