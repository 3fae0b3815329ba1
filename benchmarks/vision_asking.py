"""What both roads of benchmarks.vision are asked about pictures, and the figures of it."""

import random
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np

from benchmarks.vision_shapes import BEGIN_ID

__all__ = ["NEW_TOKENS", "QUESTION_TOKENS", "Ask", "measure_asking", "picture"]

NEW_TOKENS, QUESTION_TOKENS = 64, 32
_REPEATS = 3
_FIRST_ID, _LAST_ID = 100, 250  # plain text tokens in every vocabulary

# Takes a picture, uint8 [S, S, 3], and ids with places for it; yields ids as they are made.
Ask = Callable[[np.ndarray, list[int], int], Iterator[int]]


def picture(side: int, seed: int) -> np.ndarray:
    """Draw noise: uint8 [side, side, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def measure_asking(ask: Ask, side: int, vectors: int) -> dict[str, float]:
    """Return medians over three pictures after a warm-up.

    first_token_s: from the question about a new picture. again_s: the same of a second question
    about it. ms_per_token: from the first new token to the last.
    """
    numbers = random.Random(0)
    list(ask(picture(side, 0), _prompt(numbers, vectors), 4))
    firsts, agains, steps = [], [], []
    for seed in range(1, _REPEATS + 1):
        shown = picture(side, seed)
        first_s, step_ms = _time(ask, shown, _prompt(numbers, vectors))
        firsts.append(first_s)
        steps.append(step_ms)
        agains.append(_time(ask, shown, _prompt(numbers, vectors))[0])
    median = statistics.median
    figures = {"first_token_s": median(firsts), "again_s": median(agains)}
    return {**figures, "ms_per_token": median(steps)}


def _time(ask: Ask, shown: np.ndarray, prompt: list[int]) -> tuple[float, float]:
    start = perf_counter()
    times = [perf_counter() for _ in ask(shown, prompt, NEW_TOKENS)]
    if len(times) != NEW_TOKENS:
        raise SystemExit(f"{len(times)} tokens were generated instead of {NEW_TOKENS}")
    return times[0] - start, 1000 * (times[-1] - times[0]) / (NEW_TOKENS - 1)


def _prompt(numbers: random.Random, vectors: int) -> list[int]:
    question = [numbers.randint(_FIRST_ID, _LAST_ID) for _ in range(QUESTION_TOKENS)]
    return [*([BEGIN_ID] * vectors), *question]
