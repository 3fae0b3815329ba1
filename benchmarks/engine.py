"""Compare our served engine with bare openvino_genai on the same folder, 1 to 16 requests at once.

Ours runs in its worker process and is read through the event loop of this one; the bare one is
stepped by hand. Every figure is made in a process of its own, and the two take turns. Use an idle
machine. Run from the checkout: `python -m benchmarks.engine`.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engine_run import BARE, CONCURRENCY, NEW_TOKENS, OURS, PROMPT_TOKENS, Run
from benchmarks.exporters import ENVIRONMENT, OVGLM, command
from benchmarks.measure import measure
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, write_checkpoint

__all__ = ["tables"]

_NOTE = (
    f"INT4 folder, CPU, {PROMPT_TOKENS} prompt and {NEW_TOKENS} new tokens per request, greedy. "
    "Each figure is the median of 9, 5 and 3 bursts in one process after a warm-up; below, medians "
    "over the processes. Heartbeat: how late a thread that sleeps 1 ms in the asking process wakes "
    "up, 99th percentile, while all requests of one more burst run."
)
Named = tuple[str, Run]


def tables(runs: Sequence[Named]) -> str:
    """Return medians with ratios, and every process."""
    head = ("requests at once", "engine", "tokens/s", "TTFT, ms", "heartbeat p99, ms")
    rows: list[list[str]] = []
    for concurrency in CONCURRENCY:
        ours, theirs = (_median(runs, name, concurrency) for name in (OURS, BARE))
        more = f"{ours.ttft_ms - theirs.ttft_ms:+.1f} ms"
        ratio = [str(concurrency), "ours to bare", f"{ours.tokens_s / theirs.tokens_s:.1%}", more]
        rows += [_row(OURS, ours), _row(BARE, theirs), [*ratio, ""]]
    every = markdown_table(head, [_row(name, run) for name, run in runs])
    medians = markdown_table(head, rows)
    return f"## Medians\n\n{medians}\n\n## Every process, in its order\n\n{every}"


def _median(runs: Sequence[Named], name: str, concurrency: int) -> Run:
    found = [run for whose, run in runs if whose == name and run.concurrency == concurrency]
    return Run(
        concurrency,
        statistics.median(run.tokens_s for run in found),
        statistics.median(run.ttft_ms for run in found),
        statistics.median(run.beat_p99_ms for run in found),
    )


def _row(name: str, run: Run) -> list[str]:
    figures = (f"{run.tokens_s:.1f}", f"{run.ttft_ms:.1f}", f"{run.beat_p99_ms:.2f}")
    return [str(run.concurrency), name, *figures]


def _measure(folder: Path, name: str) -> list[Named]:
    line = [sys.executable, "-m", "benchmarks.engine_run", str(folder), name]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return [(name, Run(**figures)) for figures in json.loads(done.stdout.splitlines()[-1])]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--shape", choices=list(SHAPES), default="glm-edge-1.5b")
    add("--rounds", type=int, default=3, help="default: %(default)s")
    add("--work", type=Path, metavar="FOLDER", help="where checkpoint and model are written")
    add("--output", type=Path, metavar="FILE", help="save the table here, too")
    return parser.parse_args()


def main() -> int:
    """Export, measure in turns and print the tables."""
    asked = _parse()
    runs: list[Named] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as work:
        source, folder = Path(work).absolute() / "checkpoint", Path(work).absolute() / "model"
        write_checkpoint(SHAPES[asked.shape], source)
        measure(command(OVGLM, source, folder, Path()), env=ENVIRONMENT)
        shutil.rmtree(source)
        for number in range(asked.rounds):
            for name in (OURS, BARE) if number % 2 == 0 else (BARE, OURS):
                runs += _measure(folder, name)
                print(f"round {number + 1}: {runs[-len(CONCURRENCY) :]}", file=sys.stderr)
    line = ["python", "-m", "benchmarks.engine", *sys.argv[1:]]
    head = [f"# Our served engine and bare openvino_genai: {asked.shape}", "", _NOTE, ""]
    write("\n".join([*head, *setting(line), "", tables(runs)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
