"""Compare `ovglm export` with optimum-cli: wall time and peak memory, in one run, alternating.

Run from the checkout: `python -m benchmarks.optimum_env`, then `python -m benchmarks.export`.
With `--calibrated` both look at text: `--quality balanced` against optimum-intel's AWQ and scale
estimation, on the same samples. With `--alone` only ovglm runs, for shapes that would need more
memory than the machine has on the other road.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exporters import (
    ENVIRONMENT,
    OPTIMUM,
    OVGLM,
    calibrated_command,
    command,
    write_texts,
)
from benchmarks.measure import GIB, Measurement, measure
from benchmarks.options import add_common_options, require_optimum
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, write_checkpoint

__all__ = ["Run", "order", "tables"]

_NOTE = (
    "Random weights in the true shapes, INT4 symmetric, group 128, embedding and head INT8. Peaks "
    "are sums over the process tree. The checkpoint was just written, so as much of it as memory "
    "holds is in the page cache for both; the order changes with every round for that reason."
)
_CALIBRATED_NOTE = (
    "Calibrated: 32 samples of 512 tokens of ovglm's built-in text. ovglm: `--quality balanced`; "
    "optimum: AWQ and scale estimation through OVModelForCausalLM."
)


@dataclass(frozen=True)
class Run:
    """One export: which road, which shape, what it took, and the size of openvino_model.bin."""

    shape: str
    road: str
    measured: Measurement
    weights_bytes: int


def order(round_number: int) -> tuple[str, str]:
    """Return which road goes first in this round: they take turns."""
    return (OVGLM, OPTIMUM) if round_number % 2 == 0 else (OPTIMUM, OVGLM)


def _measure_shape(shape: str, asked: argparse.Namespace, folder: Path) -> list[Run]:
    """Write the checkpoint, export it by the roads `rounds` times, delete it."""
    source = folder / shape
    _say(f"{shape}: writing random weights")
    write_checkpoint(SHAPES[shape], source)
    write_texts(source)
    if hasattr(os, "sync"):
        os.sync()  # else the first export pays for writing the checkpoint to the disk
    try:
        runs = []
        for number in range(asked.rounds):
            for road in (OVGLM,) if asked.alone else order(number):
                runs.append(_export_once(road, source, asked))
                _say(f"{shape}, round {number + 1}: {_line(runs[-1])}")
        return runs
    finally:
        shutil.rmtree(source)


def _export_once(road: str, source: Path, asked: argparse.Namespace) -> Run:
    output = source.with_name(f"{source.name}-{road}")
    make = calibrated_command if asked.calibrated else command
    try:
        line = make(road, source, output, asked.optimum_env.absolute())
        measured = measure(line, env=ENVIRONMENT)
        return Run(source.name, road, measured, (output / "openvino_model.bin").stat().st_size)
    finally:
        shutil.rmtree(output, ignore_errors=True)


def _line(run: Run) -> str:
    return f"{run.road} " + ", ".join(_figures(run.measured))


def _figures(found: Measurement) -> list[str]:
    return [
        f"{found.wall_s:.1f} s",
        f"{found.peak_anonymous / GIB:.2f} GiB",
        f"{found.peak_resident / GIB:.2f} GiB",
    ]


def tables(runs: Sequence[Run]) -> str:
    """Return the table of medians with ratios, and the table of every run."""
    head = ("shape", "road", "wall", "peak anonymous", "peak resident", "openvino_model.bin")
    rows: list[list[str]] = []
    for shape in dict.fromkeys(run.shape for run in runs):
        ours = _median([run for run in runs if (run.shape, run.road) == (shape, OVGLM)])
        rows.append(_row(ours))
        if others := [run for run in runs if (run.shape, run.road) == (shape, OPTIMUM)]:
            theirs = _median(others)
            rows += [_row(theirs), [shape, "ratio", *_ratios(ours, theirs)]]
    medians = markdown_table(head, rows)
    every = markdown_table(head, [_row(run) for run in runs])
    return f"## Medians\n\n{medians}\n\n## Every run, in its order\n\n{every}"


def _median(runs: Sequence[Run]) -> Run:
    found = [run.measured for run in runs]
    middle = Measurement(
        statistics.median(one.wall_s for one in found),
        int(statistics.median(one.peak_anonymous for one in found)),
        int(statistics.median(one.peak_resident for one in found)),
    )
    return Run(runs[0].shape, runs[0].road, middle, runs[0].weights_bytes)


def _row(run: Run) -> list[str]:
    return [run.shape, run.road, *_figures(run.measured), f"{run.weights_bytes / 1e9:.2f} GB"]


def _ratios(ours: Run, theirs: Run) -> list[str]:
    pairs = (
        (ours.measured.wall_s, theirs.measured.wall_s),
        (ours.measured.peak_anonymous, theirs.measured.peak_anonymous),
        (ours.measured.peak_resident, theirs.measured.peak_resident),
        (ours.weights_bytes, theirs.weights_bytes),
    )
    return [f"{one / other:.2f}" for one, other in pairs]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    real = [name for name in SHAPES if name != "tiny"]
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=real)
    parser.add_argument("--calibrated", action="store_true", help="look at text on both roads")
    parser.add_argument("--alone", action="store_true", help="ovglm only")
    add_common_options(parser)
    return parser.parse_args()


def main() -> int:
    """Measure every shape and print the tables."""
    asked = _parse()
    others = {} if asked.alone else {"optimum's": require_optimum(asked.optimum_env)[1]}
    line = ["python", "-m", "benchmarks.export", *sys.argv[1:]]
    notes = f"{_NOTE} {_CALIBRATED_NOTE}" if asked.calibrated else _NOTE
    head = "\n".join(["# Export to INT4: ovglm and optimum-intel", "", notes, ""])
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as folder:
        for shape in asked.shapes:
            runs += _measure_shape(shape, asked, Path(folder))
    write("\n".join([head, *setting(line, others), "", tables(runs)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
