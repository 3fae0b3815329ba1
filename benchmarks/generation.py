"""What one process of a comparison prints: how fast one prompt was read and answered."""

import json
import random
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter

__all__ = ["NEW_TOKENS", "PROMPT_TOKENS", "measure_generation"]

PROMPT_TOKENS = 512
NEW_TOKENS = 128
_REPEATS = 3
_FIRST_ID, _LAST_ID = 100, 250  # plain text tokens in every vocabulary


def measure_generation(generate: Callable[[list[int], int], Iterator[int]]) -> str:
    """Time `generate(prompt_ids, new_tokens)`, which yields ids as they are made.

    Returns JSON: medians over three prompts after a warm-up, never the same prompt twice.
    ms_per_token counts from the first new token to the last, prompt_tokens_s up to the first.
    """
    numbers = random.Random(0)
    list(generate(_prompt(numbers), 8))
    steps, prompts = [], []
    for _ in range(_REPEATS):
        start = perf_counter()
        times = [perf_counter() for _ in generate(_prompt(numbers), NEW_TOKENS)]
        if len(times) != NEW_TOKENS:
            raise SystemExit(f"{len(times)} tokens were generated instead of {NEW_TOKENS}")
        steps.append(1000 * (times[-1] - times[0]) / (NEW_TOKENS - 1))
        prompts.append(PROMPT_TOKENS / (times[0] - start))
    return json.dumps(
        {
            "ms_per_token": statistics.median(steps),
            "prompt_tokens_s": statistics.median(prompts),
        }
    )


def _prompt(numbers: random.Random) -> list[int]:
    return [numbers.randint(_FIRST_ID, _LAST_ID) for _ in range(PROMPT_TOKENS)]
