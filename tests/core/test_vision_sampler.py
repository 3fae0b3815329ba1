"""Our sampler chooses as openvino_genai's does, and draws as often as the odds say."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ir_runner import EXACT
from nano_placement import cpu_placement, nano_facts
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.vision.sampler import Sampler
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer

PROMPT = [300, 17, 40, 300, 812, 17, 5, 900]
TOKENS = 24
DRAWS = 20_000
LOGITS = np.array([0.3, 2.0, 1.5, 1.4, 0.0, -0.2, -1.0, -1.1, -2.5, -6.0], np.float32)
CERTAIN = [
    Sampling(),
    Sampling(repetition_penalty=1.3),
    Sampling(repetition_penalty=0.8),
    Sampling(presence_penalty=1.5),
    Sampling(presence_penalty=-1.0),
    Sampling(frequency_penalty=0.9),
    Sampling(frequency_penalty=-0.5),
    Sampling(repetition_penalty=1.1, presence_penalty=0.6, frequency_penalty=0.4),
    Sampling(repetition_penalty=1.2, presence_penalty=0.6, temperature=0.7, top_k=1),
    Sampling(frequency_penalty=0.3, temperature=1.7, top_p=1e-4),
    Sampling(presence_penalty=0.3, temperature=0.4, min_p=0.999),
]
DRAWN = [
    Sampling(temperature=1.0),
    Sampling(temperature=0.5),
    Sampling(temperature=2.0, top_k=4),
    Sampling(temperature=1.0, top_p=0.8),
    Sampling(temperature=1.0, min_p=0.3),
    Sampling(temperature=0.7, top_k=6, min_p=0.1, top_p=0.9),
    Sampling(temperature=1.0, min_p=0.5, top_p=0.99),
]


@pytest.fixture(scope="module")
def genai(nano: Path) -> Iterator[LocalEngine]:
    facts, placement = nano_facts(nano), cpu_placement(EXACT)
    with closing(build_engine(facts, placement, Tokenizer.load(nano))) as engine:
        yield engine


@pytest.fixture(scope="module")
def reading(nano: Path) -> Any:
    path = nano / "openvino_model.xml"
    return ov.Core().compile_model(path, "CPU", EXACT).create_infer_request()


def decode(request: Any, sampling: Sampling) -> list[int]:
    """Make an answer with our sampler, reading the whole text for each token."""
    sampler, text = Sampler(sampling, PROMPT, seed=1), [*PROMPT]
    for _ in range(TOKENS):
        request.reset_state()
        inputs = {
            "input_ids": np.array([text]),
            "attention_mask": np.ones((1, len(text)), np.int64),
            "position_ids": np.arange(len(text))[None],
            "beam_idx": np.zeros(1, np.int32),
        }
        text.append(sampler.choose(request.infer(inputs)["logits"][0, -1]).token)
    return text[len(PROMPT) :]


def odds(sampling: Sampling) -> np.ndarray:
    """Compute the chance of each token, step by step as the library's source has it."""
    order = sorted(range(len(LOGITS)), key=lambda at: -LOGITS[at])
    kept = order[: sampling.top_k or len(order)]
    weights = {at: float(np.exp(LOGITS[at] / sampling.temperature)) for at in kept}
    total = sum(weights.values())
    chances = {at: weight / total for at, weight in weights.items()}
    most = max(chances.values())
    chances = {at: one for at, one in chances.items() if one >= sampling.min_p * most}
    summed, last = 0.0, []
    for at, one in chances.items():
        last.append(at)
        summed += one
        if sampling.top_p < 1 and summed > sampling.top_p:
            break
    found = np.zeros(len(LOGITS))
    for at in last:
        found[at] = chances[at] / summed
    return found


@pytest.mark.parametrize("sampling", CERTAIN, ids=str)
def test_where_nothing_is_left_to_chance_the_tokens_are_genais(
    genai: LocalEngine, reading: Any, sampling: Sampling
) -> None:
    told = replace(sampling, max_new_tokens=TOKENS, ignore_eos=True)
    wanted = [token for chunk in genai.submit(PROMPT, told) for token in chunk.token_ids]
    assert decode(reading, told) == wanted


@pytest.mark.parametrize("sampling", DRAWN, ids=str)
def test_tokens_are_drawn_as_often_as_the_odds_say(sampling: Sampling) -> None:
    """Each count is within five standard deviations of what is expected."""
    sampler = Sampler(sampling, [], seed=5)
    drawn = [sampler.choose(LOGITS).token for _ in range(DRAWS)]
    found = np.bincount(drawn, minlength=len(LOGITS)) / DRAWS
    wanted = odds(sampling)
    assert not found[wanted == 0].any()
    assert (np.abs(found - wanted) <= 5 * np.sqrt(wanted * (1 - wanted) / DRAWS)).all()


@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.9, 0.999, 0.9999999])
@pytest.mark.parametrize("min_p", [0.0, 1e-3])
def test_the_nucleus_of_many_tokens_is_that_of_a_full_sort(top_p: float, min_p: float) -> None:
    logits = np.random.default_rng(3).standard_normal(5000).astype(np.float32) * 4
    sampler = Sampler(Sampling(temperature=1.0, top_p=top_p, min_p=min_p), [], seed=1)
    chances = np.exp(logits.astype(np.float64))
    chances /= chances.sum()
    chances[chances < min_p * chances.max()] = 0
    order = np.argsort(-chances)
    count = int(np.searchsorted(chances[order].cumsum(), top_p, side="right")) + 1
    allowed = set(order[:count].tolist())
    assert {sampler.choose(logits).token for _ in range(500)} <= allowed


def test_equal_seeds_draw_equal_tokens() -> None:
    def draw(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.5), [], seed)
        return [sampler.choose(LOGITS).token for _ in range(50)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_the_logits_that_are_given_stay_as_they_are() -> None:
    logits = LOGITS.copy()
    sampler = Sampler(Sampling(repetition_penalty=2.0, logprobs=True, top_logprobs=20), [0, 1], 1)
    choice = sampler.choose(logits)
    assert (logits == LOGITS).all()
    assert len(choice.best) == len(LOGITS), "as many as there are"
    assert choice.best[0] == (1, pytest.approx(2 - np.log(np.exp(LOGITS).sum()), abs=1e-5))
