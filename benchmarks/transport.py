"""Compare ways to speak to the worker process, and measure what the chosen one does to its parent.

Needs pyzmq. Run from the checkout on an idle machine: `python -m benchmarks.transport`.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep, time

import numpy as np

from benchmarks.report import markdown_table, setting, write
from benchmarks.transport_peer import KINDS, STEP_S, Link, connect
from ovglm.engine.worker import WorkerEngine, WorkerSettings, start_worker
from ovglm.engine.worker.messages import FromWorker, Stop, Submit, decoder, encode
from ovglm.messages import Sampling

_TRIPS = 3000
_BATCHES = 3000
_REQUESTS = 16
_STEPS = 100
_WARM_UP = 200
_NOTE = (
    f"Both processes pack and unpack the worker's own messages. Round trip: a prompt there, one "
    f"chunk back, {_TRIPS} times. Batches: {_BATCHES} messages of {_REQUESTS} chunks, as one step "
    f"of {_REQUESTS} requests makes them. The kinds take turns; each figure is the median of the "
    "rounds."
)
_WORKER_NOTE = (
    f"An engine without a model makes a token for each of {_REQUESTS} requests per step and keeps "
    f"the interpreter's lock for the {STEP_S * 1000:.0f} ms of the step, as "
    "ContinuousBatchingPipeline does. The parent reads all of them in one event loop. Delivery: "
    "from the chunk in the worker to its reader here. Heartbeat: how late a thread of the parent "
    "wakes that sleeps 1 ms. A heartbeat alone, with no worker, is the machine's own part."
)


def _measure(kind: str) -> tuple[float, float, float]:
    """Return the median and the 99th percentile of a round trip in µs, and batches per second."""
    link, peer = connect(kind)
    trips = _trip_times(link, _WARM_UP + _TRIPS)[_WARM_UP:]
    rate = _batch_rate(link)
    link.send_bytes(encode(Stop()))
    peer.join()
    link.close()
    return statistics.median(trips) * 1e6, float(np.percentile(trips, 99)) * 1e6, rate


def _trip_times(link: Link, count: int) -> list[float]:
    unpack = decoder(FromWorker).decode
    times: list[float] = []
    for number in range(count):
        start = perf_counter()
        link.send_bytes(encode(Submit(number, [1, 1], Sampling())))
        unpack(link.recv_bytes())
        times.append(perf_counter() - start)
    return times


def _batch_rate(link: Link) -> float:
    unpack = decoder(FromWorker).decode
    link.send_bytes(encode(Submit(0, [_REQUESTS, _BATCHES], Sampling())))
    unpack(link.recv_bytes())
    start = perf_counter()
    for _ in range(_BATCHES - 1):
        unpack(link.recv_bytes())
    return (_BATCHES - 1) / (perf_counter() - start)


def _transports(rounds: int) -> str:
    found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in KINDS}
    for number in range(rounds):
        for kind in KINDS if number % 2 == 0 else KINDS[::-1]:
            found[kind].append(_measure(kind))
    head = ("transport", "round trip, µs", "its p99, µs", "batches/s", "chunks/s")
    rows: list[list[str]] = []
    for kind, runs in found.items():
        trip, late, rate = (statistics.median(column) for column in zip(*runs, strict=True))
        figures = (trip, late, rate, rate * _REQUESTS)
        rows.append([kind, *(f"{figure:,.0f}" for figure in figures)])
    return markdown_table(head, rows)


def _through_the_worker() -> str:
    settings = WorkerSettings(factory="benchmarks.transport_peer:stepping")
    with closing(start_worker(Path.cwd(), settings=settings)) as engine:
        asyncio.run(_read_all(engine, 5))
        with _Heart() as alone:
            sleep(_STEPS * STEP_S)
        with _Heart() as beside:
            delays, wall_s = asyncio.run(_read_all(engine, _STEPS))
    rows = [
        _row("delivery, ms", delays),
        _row("heartbeat late while 16 requests run, ms", beside.late),
        _row("heartbeat late alone, ms", alone.late),
    ]
    speed = f"Steps took {wall_s / _STEPS * 1000:.1f} ms each, {STEP_S * 1000:.0f} of it asleep."
    return markdown_table(("", "median", "p99", "longest"), rows) + "\n\n" + speed


async def _read_all(engine: WorkerEngine, steps: int) -> tuple[list[float], float]:
    delays: list[float] = []

    async def read() -> None:
        async for chunk in engine.submit([1], Sampling(max_new_tokens=steps)):
            delays.append(time() - float(chunk.text))

    start = perf_counter()
    await asyncio.gather(*(read() for _ in range(_REQUESTS)))
    return delays, perf_counter() - start


class _Heart:
    """A thread that sleeps 1 ms at a time and notes how late it wakes, in seconds."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._ended = Event()
        self._thread = Thread(target=self._beat)

    def __enter__(self) -> "_Heart":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.is_set():
            start = perf_counter()
            sleep(0.001)
            self.late.append(perf_counter() - start - 0.001)


def _row(name: str, seconds: Sequence[float]) -> list[str]:
    figures = (*np.percentile(seconds, (50, 99)), max(seconds))
    return [name, *(f"{figure * 1000:.2f}" for figure in figures)]


def main() -> int:
    """Measure all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="save the tables here, too")
    asked = parser.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("msgspec", "pyzmq"))
    line = ["python", "-m", "benchmarks.transport", *sys.argv[1:]]
    parts = [
        "# Speaking to the worker process",
        _NOTE,
        "\n".join([*setting(line), f"- messages: {libraries}"]),
        "## Transports",
        _transports(asked.rounds),
        "## Through the worker process",
        _WORKER_NOTE,
        _through_the_worker(),
    ]
    write("\n\n".join(parts), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
