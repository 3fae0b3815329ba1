"""Measure the served engine, or bare openvino_genai, on one folder; prints one JSON object."""

import argparse
import asyncio
import json
import random
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

import numpy as np

from ovglm.devices import RuntimeOptions
from ovglm.engine.base import Engine
from ovglm.messages import Sampling

__all__ = ["BARE", "CONCURRENCY", "NEW_TOKENS", "OURS", "PROMPT_TOKENS", "Run"]

OURS, BARE = "ovglm", "openvino_genai"
# Requests at once, and how many bursts of them: short ones are noisier.
_BURSTS = {1: 9, 4: 5, 16: 3}
CONCURRENCY = tuple(_BURSTS)
PROMPT_TOKENS, NEW_TOKENS = 64, 64
_FIRST_ID, _LAST_ID = 100, 250  # plain text tokens in every vocabulary


@dataclass(frozen=True)
class Run:
    """Medians of bursts: tokens per second in total, median TTFT in ms.

    beat_p99_ms: how late a 1 ms heartbeat in this process was at the 99th percentile of one more
    burst; it costs time, so the other figures are made without it.
    """

    concurrency: int
    tokens_s: float
    ttft_ms: float
    beat_p99_ms: float


Burst = Callable[[list[list[int]]], tuple[float, list[float]]]


def measure_bursts(burst: Burst) -> list[Run]:
    """Measure every concurrency after a warm-up."""
    numbers = random.Random(0)
    burst(_prompts(numbers, CONCURRENCY[-1]))
    runs = []
    for concurrency, count in _BURSTS.items():
        found = [burst(_prompts(numbers, concurrency)) for _ in range(count)]
        speed = concurrency * NEW_TOKENS / statistics.median(total_s for total_s, _ in found)
        first_s = statistics.median(statistics.median(firsts) for _, firsts in found)
        late_ms = _lateness_ms(burst, _prompts(numbers, concurrency))
        runs.append(Run(concurrency, speed, first_s * 1000, late_ms))
    return runs


def _lateness_ms(burst: Burst, prompts: list[list[int]]) -> float:
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


def _prompts(numbers: random.Random, count: int) -> list[list[int]]:
    return [
        [numbers.randint(_FIRST_ID, _LAST_ID) for _ in range(PROMPT_TOKENS)] for _ in range(count)
    ]


def served(engine: Engine) -> Burst:
    """Send a burst to our engine from one event loop, as a web process does."""

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


def main() -> int:
    """Measure what the command line names."""
    from ovglm.engine.worker import start_worker

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", choices=(OURS, BARE))
    asked = parser.parse_args()
    if asked.what == BARE:
        runs = measure_bursts(bare(asked.folder))
    else:
        options = RuntimeOptions(requests=CONCURRENCY[-1], context=PROMPT_TOKENS + NEW_TOKENS)
        engine = start_worker(asked.folder, "CPU", options)
        runs = measure_bursts(served(engine))
        engine.close()
    print(json.dumps([asdict(run) for run in runs]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
