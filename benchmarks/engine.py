"""Compare our served engine with bare openvino_genai on the same folder, 1 to 16 requests at once.

Ours runs in its worker process and is read through the event loop of this one; the bare one is
stepped by hand in this process. Both stay loaded and burst turns with burst, so that whatever
else the machine does meets both. Use an idle machine. Run from the checkout:
`python -m benchmarks.engine`.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bursts import (
    BURSTS,
    NEW_TOKENS,
    PROMPT_TOKENS,
    Burst,
    Prompts,
    bare,
    lateness_ms,
    served,
)
from benchmarks.exporters import ENVIRONMENT, OVGLM, command
from benchmarks.measure import measure
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, write_checkpoint
from ovglm.devices import RuntimeOptions
from ovglm.engine.worker import start_worker

__all__ = ["Pair", "measure_pairs", "tables"]

_NOTE = (
    f"INT4 folder, CPU, {PROMPT_TOKENS} prompt and {NEW_TOKENS} new tokens per request, greedy. "
    "Both engines are loaded; their bursts take turns. Speed and TTFT are medians, the ratio is "
    "the median over neighbouring bursts. Heartbeat: how late a thread that sleeps 1 ms in the "
    "asking process wakes up, 99th percentile, during one more burst."
)


@dataclass(frozen=True)
class Pair:
    """Two neighbouring bursts: tokens per second in total and median TTFT in ms, ours and bare."""

    ours_tokens_s: float
    ours_ttft_ms: float
    bare_tokens_s: float
    bare_ttft_ms: float


def measure_pairs(ours: Burst, theirs: Burst, concurrency: int, count: int) -> list[Pair]:
    """Let the two take turns; every second pair begins with the bare one."""
    prompts = Prompts(concurrency)
    pairs = []
    for number in range(count):
        found: dict[int, tuple[float, float]] = {}
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            total_s, firsts = (ours, theirs)[which](prompts.draw(concurrency))
            speed = concurrency * NEW_TOKENS / total_s
            found[which] = (speed, statistics.median(firsts) * 1000)
        pairs.append(Pair(*found[0], *found[1]))
    return pairs


def tables(pairs: dict[int, Sequence[Pair]], beats: dict[int, tuple[float, float]]) -> str:
    """Return medians with ratios, and every pair; beats: ours and bare, in ms."""
    head = ("requests at once", "engine", "tokens/s", "TTFT, ms", "heartbeat p99, ms")
    rows: list[list[str]] = []
    for concurrency, found in pairs.items():
        ours = [_median(found, "ours_tokens_s"), _median(found, "ours_ttft_ms")]
        theirs = [_median(found, "bare_tokens_s"), _median(found, "bare_ttft_ms")]
        ratio = statistics.median(one.ours_tokens_s / one.bare_tokens_s for one in found)
        late = statistics.median(one.ours_ttft_ms - one.bare_ttft_ms for one in found)
        for name, figures, beat in (("ovglm", ours, 0), ("openvino_genai", theirs, 1)):
            shown = [f"{figures[0]:.1f}", f"{figures[1]:.1f}", f"{beats[concurrency][beat]:.2f}"]
            rows.append([str(concurrency), name, *shown])
        rows.append([str(concurrency), "ours to bare", f"{ratio:.1%}", f"{late:+.1f} ms", ""])
    pair_head = ("requests at once", "ours, tokens/s", "bare, tokens/s", "ours, TTFT ms", "bare")
    every = [
        [str(concurrency), *(f"{value:.1f}" for value in figures)]
        for concurrency, found in pairs.items()
        for one in found
        for figures in [(one.ours_tokens_s, one.bare_tokens_s, one.ours_ttft_ms, one.bare_ttft_ms)]
    ]
    medians, all_pairs = markdown_table(head, rows), markdown_table(pair_head, every)
    return f"## Medians\n\n{medians}\n\n## Every pair of bursts, in its order\n\n{all_pairs}"


def _median(pairs: Sequence[Pair], name: str) -> float:
    return statistics.median(getattr(pair, name) for pair in pairs)


def _measure(folder: Path, repeats: int) -> str:
    """Load both, warm both up, and let them take turns."""
    most = max(BURSTS)
    options = RuntimeOptions(requests=most, context=PROMPT_TOKENS + NEW_TOKENS)
    engine = start_worker(folder, "CPU", options)
    ours, theirs = served(engine), bare(folder)
    for burst in (ours, theirs):
        burst(Prompts(0).draw(most))
    pairs: dict[int, Sequence[Pair]] = {}
    beats: dict[int, tuple[float, float]] = {}
    for concurrency, count in BURSTS.items():
        pairs[concurrency] = measure_pairs(ours, theirs, concurrency, count * repeats)
        prompts = Prompts(concurrency + 1)
        ours_ms, bare_ms = (lateness_ms(one, prompts.draw(concurrency)) for one in (ours, theirs))
        beats[concurrency] = (ours_ms, bare_ms)
        print(f"{concurrency} at once: {pairs[concurrency]}", file=sys.stderr, flush=True)
    engine.close()
    return tables(pairs, beats)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--shape", choices=list(SHAPES), default="glm-edge-1.5b")
    add("--repeats", type=int, default=1, help="times as many bursts (default: %(default)s)")
    add("--work", type=Path, metavar="FOLDER", help="where checkpoint and model are written")
    add("--output", type=Path, metavar="FILE", help="save the table here, too")
    return parser.parse_args()


def main() -> int:
    """Export, measure in turns and print the tables."""
    asked = _parse()
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as work:
        source, folder = Path(work).absolute() / "checkpoint", Path(work).absolute() / "model"
        write_checkpoint(SHAPES[asked.shape], source)
        measure(command(OVGLM, source, folder, Path()), env=ENVIRONMENT)
        shutil.rmtree(source)
        found = _measure(folder, asked.repeats)
    line = ["python", "-m", "benchmarks.engine", *sys.argv[1:]]
    head = [f"# Our served engine and bare openvino_genai: {asked.shape}", "", _NOTE, ""]
    write("\n".join([*head, *setting(line), "", found]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
