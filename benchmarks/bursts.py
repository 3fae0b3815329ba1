"""Bursts of requests: many prompts at once, through our served engine or bare openvino_genai."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

import numpy as np

from ovglm.engine.base import Engine
from ovglm.messages import Sampling

__all__ = [
    "BURSTS",
    "NEW_TOKENS",
    "PROMPT_TOKENS",
    "Burst",
    "Prompts",
    "bare",
    "lateness_ms",
    "served",
]

# Requests at once, and how many bursts of them: short ones are noisier.
BURSTS = {1: 15, 4: 9, 16: 5}
PROMPT_TOKENS, NEW_TOKENS = 64, 64
_FIRST_ID, _LAST_ID = 100, 250  # plain text tokens in every vocabulary

# Takes prompts; gives the seconds until all are answered, and each one's seconds to a first token.
Burst = Callable[[list[list[int]]], tuple[float, list[float]]]


class Prompts:
    """Random prompts, never the same twice."""

    def __init__(self, seed: int) -> None:
        self._numbers = random.Random(seed)

    def draw(self, count: int) -> list[list[int]]:
        """Draw prompts for one burst."""
        return [
            [self._numbers.randint(_FIRST_ID, _LAST_ID) for _ in range(PROMPT_TOKENS)]
            for _ in range(count)
        ]


def served(engine: Engine) -> Burst:
    """Send bursts to our engine from one event loop, as a web process does."""

    async def read(start: float, prompt: list[int]) -> float:
        first, count = 0.0, 0
        async for chunk in engine.submit(prompt, Sampling(NEW_TOKENS, ignore_eos=True)):
            first = first or perf_counter() - start
            count += len(chunk.token_ids)
        if count != NEW_TOKENS:
            raise SystemExit(f"{count} tokens were generated instead of {NEW_TOKENS}")
        return first

    async def send(prompts: list[list[int]]) -> tuple[float, list[float]]:
        start = perf_counter()
        firsts = await asyncio.gather(*(read(start, prompt) for prompt in prompts))
        return perf_counter() - start, list(firsts)

    return lambda prompts: asyncio.run(send(prompts))


def bare(folder: Path) -> Burst:
    """Step ContinuousBatchingPipeline by hand, with its defaults."""
    import openvino as ov
    import openvino_genai as genai

    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    pipeline = genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU")
    config = genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.do_sample = NEW_TOKENS, True, False
    next_id = iter(range(10**9))

    def burst(prompts: list[list[int]]) -> tuple[float, list[float]]:
        start = perf_counter()
        tensors = [ov.Tensor(np.array([prompt], np.int64)) for prompt in prompts]
        handles = [pipeline.add_request(next(next_id), one, config) for one in tensors]
        firsts: dict[int, float] = {}
        while pipeline.has_non_finished_requests():
            pipeline.step()
            for number, handle in enumerate(handles):
                if handle.can_read():
                    handle.read()
                    firsts.setdefault(number, perf_counter() - start)
        return perf_counter() - start, list(firsts.values())

    return burst


def lateness_ms(burst: Burst, prompts: list[list[int]]) -> float:
    """Give how late a 1 ms heartbeat of this process is during a burst, at the 99th percentile."""
    ended, delays = Event(), list[float]()
    heart = Thread(target=_beat, args=(ended, delays))
    heart.start()
    burst(prompts)
    ended.set()
    heart.join()
    return float(np.percentile(delays, 99)) * 1000


def _beat(ended: Event, delays: list[float]) -> None:
    while not ended.is_set():
        start = perf_counter()
        sleep(0.001)
        delays.append(perf_counter() - start - 0.001)
