"""Compare pictures in our engine with transformers in bf16: encoding, TTFT, decoding, memory.

Every figure is made in a process of its own, and the two take turns. Run from the checkout:
`python -m benchmarks.vision`.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exporters import ENVIRONMENT, OVGLM, command
from benchmarks.measure import GIB, Measurement, measure
from benchmarks.report import markdown_table, setting, write
from benchmarks.vision_asking import NEW_TOKENS, QUESTION_TOKENS
from benchmarks.vision_shapes import write_vision_checkpoint

__all__ = ["Run", "order", "tables"]

_TRANSFORMERS = "transformers, bf16"
_ROOT = Path(__file__).resolve().parents[1]
_NOTE = (
    "GLM-Edge-V-2B's shape, random weights, CPU: a picture of 672 x 672 becomes 578 vectors, the "
    f"question has {QUESTION_TOKENS} tokens, the answer {NEW_TOKENS}, greedy. Each process gives "
    "medians over three pictures after a warm-up. ovglm: its engine with its defaults on an export "
    "with its defaults (text INT4, tower INT8). transformers: SiglipVisionModel and "
    "GlmForCausalLM, the adapter in torch; it keeps nothing of a picture. TTFT counts from the "
    "picture's pixels. Peaks hold the loading; mapped files count in what is resident."
)
_FIGURES = ("encode_s", "first_token_s", "again_s", "ms_per_token")


@dataclass(frozen=True)
class Run:
    """One process: the road, the figures of `benchmarks.vision_asking`, and its memory."""

    road: str
    figures: dict[str, float]
    measured: Measurement


def order(number: int) -> tuple[str, str]:
    """Return which road goes first in this round: they take turns."""
    return (OVGLM, _TRANSFORMERS) if number % 2 == 0 else (_TRANSFORMERS, OVGLM)


def tables(runs: Sequence[Run]) -> str:
    """Return medians with ratios (above 1: ours is better), and every process."""
    ours, theirs = (_median(runs, road) for road in (OVGLM, _TRANSFORMERS))
    ratios = [f"{theirs.figures[name] / ours.figures[name]:.2f}x" for name in _FIGURES]
    memory = [
        f"{one / other:.2f}x"
        for one, other in (
            (theirs.measured.peak_anonymous, ours.measured.peak_anonymous),
            (theirs.measured.peak_resident, ours.measured.peak_resident),
        )
    ]
    head = ("road", "encode, s", "TTFT, s", "TTFT of a second question, s", "decode, ms/token")
    head = (*head, "peak anonymous", "peak resident")
    medians = markdown_table(head, [_row(ours), _row(theirs), ["ratio", *ratios, *memory]])
    every = markdown_table(head, [_row(run) for run in runs])
    return f"## Medians\n\n{medians}\n\n## Every process, in its order\n\n{every}"


def _median(runs: Sequence[Run], road: str) -> Run:
    found = [run for run in runs if run.road == road]
    median = statistics.median
    figures = {name: median(run.figures[name] for run in found) for name in _FIGURES}
    measured = Measurement(
        median(run.measured.wall_s for run in found),
        int(median(run.measured.peak_anonymous for run in found)),
        int(median(run.measured.peak_resident for run in found)),
    )
    return Run(road, figures, measured)


def _row(run: Run) -> list[str]:
    *seconds, step = (run.figures[name] for name in _FIGURES)
    peaks = (run.measured.peak_anonymous, run.measured.peak_resident)
    return [
        run.road,
        *(f"{one:.2f}" for one in seconds),
        f"{step:.1f}",
        *(f"{one / GIB:.2f} GiB" for one in peaks),
    ]


def _run(road: str, folders: dict[str, Path]) -> Run:
    module = "vision_once" if road == OVGLM else "vision_torch_once"
    output = folders[road].with_name("figures.json")
    line = [sys.executable, "-m", f"benchmarks.{module}", str(folders[road]), str(output)]
    measured = measure(line, env=ENVIRONMENT, cwd=_ROOT)
    return Run(road, json.loads(output.read_text(encoding="utf-8")), measured)


def main() -> int:
    """Measure both roads in turns and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where models are written")
    parser.add_argument("--output", type=Path, metavar="FILE", help="save the tables here, too")
    asked = parser.parse_args()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as name:
        folder = Path(name).absolute()
        folders = {OVGLM: folder / "export", _TRANSFORMERS: folder / "checkpoint"}
        write_vision_checkpoint(folders[_TRANSFORMERS])
        measure(command(OVGLM, folders[_TRANSFORMERS], folders[OVGLM], Path()), env=ENVIRONMENT)
        for number in range(asked.rounds):
            for road in order(number):
                runs.append(_run(road, folders))
                print(_row(runs[-1]), file=sys.stderr, flush=True)
        shutil.rmtree(folders[_TRANSFORMERS])
    line = ["python", "-m", "benchmarks.vision", *sys.argv[1:]]
    head = ["# Pictures: ovglm and transformers", "", _NOTE, "", *setting(line), ""]
    write("\n".join([*head, tables(runs)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
