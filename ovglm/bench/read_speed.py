"""How fast this machine reads plain memory: the limit that decoding runs against."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
import psutil

from ovglm.bench.report import ReadSpeed

__all__ = ["measure_read_speed"]

LARGEST_BUFFER = 1 << 30  # bytes; far more than any last-level cache of a laptop
PASSES = 6


def measure_read_speed(threads: int, buffer_bytes: int | None = None) -> ReadSpeed:
    """Read a buffer with `threads` threads, each its own part; give the best of some passes.

    The best pass counts, because it is a ceiling that is asked for.
    buffer_bytes: by default 1 GiB, or a quarter of the free memory where that is less.
    """
    size = buffer_bytes or min(LARGEST_BUFFER, psutil.virtual_memory().available // 4)
    numbers = np.ones(max(size // 8, threads), dtype=np.int64)
    parts = np.array_split(numbers, threads)
    with ThreadPoolExecutor(threads) as pool:
        # numpy frees the GIL while it reduces, and `max` of int64 is bound by memory alone
        best_s = min(_time_pass(pool, parts) for _ in range(PASSES))
    return ReadSpeed(numbers.nbytes / best_s, threads)


def _time_pass(pool: ThreadPoolExecutor, parts: list[np.ndarray]) -> float:
    start_s = perf_counter()
    list(pool.map(np.max, parts))
    return perf_counter() - start_s
