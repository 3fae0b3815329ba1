"""The tables of the server's benchmark; measures nothing."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.report import markdown_table

__all__ = ["BARE", "Leak", "Run", "growth", "leak_table", "memory_table", "speed_table"]

BARE = "openvino_genai"
_MIB = 2**20


@dataclass
class Run:
    """The bursts of one server at one concurrency: tokens per second of each, all waits in s."""

    tokens_s: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Leak:
    """What was left when clients had vanished, and before: memory in bytes, handles as counted.

    quiet_s: until nothing ran any more. rest: figures of /metrics after that.
    """

    requests: int
    vanished: int
    quiet_s: float
    memory: tuple[int, int]
    handles: tuple[int, int]
    rest: Mapping[str, float]


def speed_table(runs: Mapping[tuple[int, str], Run]) -> str:
    """Return medians of speed, ratios of neighbouring bursts, and percentiles of the waits."""
    head = ("clients", "engine", "tokens/s", "to bare", "TTFT p50, ms", "p99", "token p50, ms")
    rows = []
    for (concurrency, name), run in runs.items():
        bare = runs.get((concurrency, BARE))
        speed = f"{statistics.median(run.tokens_s):.1f}"
        ratio = _ratio(run, bare) if bare is not None and name != BARE else ""
        waits = [*_percentiles(run.firsts), *_percentiles(run.gaps)]
        rows.append([str(concurrency), name, speed, ratio, *waits])
    return markdown_table((*head, "p99"), rows)


def _ratio(run: Run, bare: Run) -> str:
    """Compare with the bare burst beside each; one that took no part in all is compared in sum."""
    if len(run.tokens_s) == len(bare.tokens_s):
        pairs = zip(run.tokens_s, bare.tokens_s, strict=True)
        return f"{statistics.median(one / other for one, other in pairs):.1%}"
    return f"{statistics.median(run.tokens_s) / statistics.median(bare.tokens_s):.1%}"


def _percentiles(seconds: Sequence[float]) -> list[str]:
    if not seconds:
        return ["", ""]
    return [f"{float(np.percentile(seconds, share)) * 1000:.1f}" for share in (50, 99)]


def growth(memory: Sequence[int]) -> float:
    """Return how much more the last quarter of the readings has than the first, as a share."""
    quarter = max(1, len(memory) // 4)
    first, last = statistics.median(memory[:quarter]), statistics.median(memory[-quarter:])
    return last / first - 1


def memory_table(step: int, memory: Sequence[int]) -> str:
    """Return readings of memory, `step` requests apart; as many went before the first."""
    shown = sorted({*range(0, len(memory), max(1, len(memory) // 8)), len(memory) - 1})
    rows = [[str(place * step), f"{memory[place] / _MIB:.1f}"] for place in shown]
    table = markdown_table(("requests done", "anonymous memory of the server's tree, MiB"), rows)
    warm = f"After {step * (len(memory) - 1)} requests that fill the caches:"
    end = f"Last quarter of the readings to the first: {growth(memory):+.2%}."
    return f"{warm}\n\n{table}\n\n{end}"


def leak_table(leak: Leak) -> str:
    """Return what was left of clients that vanished."""
    memory = [f"{one / _MIB:.1f}" for one in leak.memory]
    names = ("running_requests", "open_requests", "queue_depth", "cache_usage_ratio")
    rest = [[name, "", f"{leak.rest.get(f'ovglm_{name}', 0.0):g}"] for name in names]
    aborted = leak.rest.get("ovglm_aborted_requests_total", 0.0)
    rows = [
        ["anonymous memory, MiB", *memory],
        ["open files and sockets", *map(str, leak.handles)],
        *rest,
        ["aborted_requests, ever", "", f"{aborted:g}"],
    ]
    said = (
        f"{leak.vanished} of {leak.requests} clients vanished in mid-stream; "
        f"{leak.quiet_s * 1000:.0f} ms after the last answer nothing ran."
    )
    return f"{said}\n\n{markdown_table(('figure', 'before', 'after'), rows)}"
