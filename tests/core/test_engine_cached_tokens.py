"""How many tokens of a prompt an engine says that it found in the prefix cache."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nano_placement import cpu_placement, nano_facts
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer

PAGE = 32
CACHE_TOKENS = 8000
SHORT = Sampling(8, ignore_eos=True)
LONG = Sampling(1000, ignore_eos=True)


def load(nano: Path, cache_tokens: int = CACHE_TOKENS) -> LocalEngine:
    placement = cpu_placement(cache_tokens=cache_tokens)
    return build_engine(nano_facts(nano), placement, Tokenizer.load(nano))


@pytest.fixture
def engine(nano: Path) -> Iterator[LocalEngine]:
    with closing(load(nano)) as engine:
        yield engine


def prompt_of(seed: int, length: int = 500) -> list[int]:
    return random.Random(seed).choices(range(300, 2000), k=length)


def cached(engine: LocalEngine, prompt: list[int], sampling: Sampling = SHORT) -> list[int]:
    """Give what the first chunk of each answer says; the others say nothing."""
    chunks = list(engine.submit(prompt, sampling))
    firsts = [next(c for c in chunks if c.index == index) for index in range(sampling.n)]
    assert all(chunk in firsts or not chunk.cached_tokens for chunk in chunks)
    return [chunk.cached_tokens for chunk in firsts]


def test_a_prompt_that_comes_again_is_found_in_whole_pages(engine: LocalEngine) -> None:
    prompt = prompt_of(1)
    assert cached(engine, prompt) == [0]
    assert cached(engine, prompt) == [480]
    assert cached(engine, [*prompt[:300], 5, 6]) == [288]
    assert cached(engine, prompt_of(2)) == [0]
    assert cached(engine, prompt[: PAGE - 1]) == [0]


def test_the_last_token_of_a_prompt_is_always_computed(engine: LocalEngine) -> None:
    cached(engine, prompt_of(1))
    assert cached(engine, prompt_of(1)[: 10 * PAGE]) == [10 * PAGE - 1]


def test_the_answer_is_found_as_part_of_the_next_prompt(engine: LocalEngine) -> None:
    prompt = prompt_of(3, 40)
    answer = [t for chunk in engine.submit(prompt, Sampling(60, ignore_eos=True))
              for t in chunk.token_ids]  # fmt: skip
    # but for the last one, which was given out and never read
    assert cached(engine, [*prompt, *answer, 7, 8, 9]) == [99]


@pytest.mark.parametrize("shared", [500, 321, 320, 64, 63, 31])
def test_the_count_is_that_of_what_two_answers_share(engine: LocalEngine, shared: int) -> None:
    """While both run, the cache's use tells how many pages they have together."""
    prompt = prompt_of(shared + 10)
    one = engine.submit(prompt, LONG)
    reader = iter(one)
    next(reader)
    beside = [*prompt[:shared], 9]
    other = engine.submit(beside, LONG)
    first = next(iter(other))
    used = round(engine.counters.cache_usage * CACHE_TOKENS / PAGE)
    alone = -(-len(prompt) // PAGE) + -(-len(beside) // PAGE)
    # of a page that was only begun, as the first answer is, all is found
    assert first.cached_tokens == (shared if shared == len(prompt) else shared // PAGE * PAGE)
    # both go on and may have begun another page
    assert 0 <= used + first.cached_tokens // PAGE - alone <= 2


def test_each_of_several_answers_says_what_it_found(engine: LocalEngine) -> None:
    sampling = Sampling(4, temperature=1.0, seed=1, n=3, ignore_eos=True)
    # the others begin right after the prompt was read
    assert cached(engine, prompt_of(4), sampling) == [0, 499, 499]


def test_what_comes_often_stays_known(nano: Path) -> None:
    with closing(load(nano, 60 * PAGE)) as engine:
        found = [cached(engine, prompt_of(5))[0] for _ in range(60)]
    assert found == [0, *[480] * 59]


def test_what_was_needed_for_others_is_not_found_and_the_rest_is(nano: Path) -> None:
    with closing(load(nano, 40 * PAGE)) as engine:
        for seed in range(20):
            assert cached(engine, prompt_of(seed)) == [0]
        assert cached(engine, prompt_of(19)) == [480]
        assert cached(engine, prompt_of(18)) == [480]
        assert cached(engine, prompt_of(17)) == [0]


def test_a_prompt_whose_reading_was_broken_off_is_found_as_far_as_it_was_read(
    engine: LocalEngine,
) -> None:
    prompt = prompt_of(6, 1900)
    answer = engine.submit(prompt, LONG)
    answer.cancel()
    assert [chunk.finish_reason for chunk in answer][-1] == "cancelled"
    (found,) = cached(engine, prompt)
    assert found % PAGE == 0 and found < 1899
    assert cached(engine, prompt) == [1888]
