"""Compare `ovglm export` of a hub's model with and without --stream: wall time and peak disk.

The hub is the tests' own, on 127.0.0.1. Run from the checkout: `python -m benchmarks.stream`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from filecmp import cmpfiles
from pathlib import Path

from benchmarks.disk import DiskPeak, held_bytes
from benchmarks.measure import GIB, Measurement, measure
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, weights_bytes, write_checkpoint, write_texts

__all__ = ["PLAIN", "STREAM", "Run", "order", "tables"]

PLAIN, STREAM = "pull, then export", "--stream"
_REPO = "zai-org/benchmark"
_NOTE = (
    "Random weights in the true shapes, INT4 symmetric, group 128, embedding and head INT8, "
    "without verification. Peak disk counts all that lies in the store and beside the output, and "
    "deleted files that the process still holds; what stays is the export and, without --stream, "
    "the pulled checkpoint. The hub runs on the same machine and sends as fast as it is asked; the "
    "roads take turns in going first. Checkpoints are cut into shards as hubs cut them: in the "
    "order of the layers, in the midst of a layer, and by name within a shard."
)


@dataclass(frozen=True)
class Run:
    """One export: which shape and road, what it took, and the bytes of disk at its peak and end."""

    shape: str
    road: str
    measured: Measurement
    peak_disk: int
    kept_disk: int


def order(round_number: int) -> tuple[str, str]:
    """Return which road goes first in this round: they take turns."""
    return (PLAIN, STREAM) if round_number % 2 == 0 else (STREAM, PLAIN)


def _measure_shape(shape: str, asked: argparse.Namespace, folder: Path) -> list[Run]:
    """Write the checkpoint, serve it, export it by both roads `rounds` times, delete it."""
    source, line = folder / shape, [str(folder / shape), _REPO]
    if asked.made_up:
        write_texts(SHAPES[shape], source, shard_bytes=asked.shard_bytes)
        line += [shape, str(asked.shard_bytes)]
    else:
        _say(f"{shape}: writing random weights")
        write_checkpoint(SHAPES[shape], source, shard_bytes=asked.shard_bytes)
    if hasattr(os, "sync"):
        os.sync()  # else the first export pays for writing the checkpoint to the disk
    runs: list[Run] = []
    with _serving(line) as address:
        for number in range(asked.rounds):
            roads = (STREAM,) if asked.stream_only else order(number)
            for road in roads:
                runs.append(_export_once(shape, road, folder / f"{shape}-{number}", address))
                _say(f"{shape}, round {number + 1}: {', '.join(_row(runs[-1])[1:])}")
            _check_equal(folder / f"{shape}-{number}", roads)
            shutil.rmtree(folder / f"{shape}-{number}")
    shutil.rmtree(source)
    return runs


@contextmanager
def _serving(arguments: Sequence[str]) -> Iterator[str]:
    """Run the hub in a process of its own; give its address."""
    line = [sys.executable, "-m", "benchmarks.hub_server", *arguments]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdin and hub.stdout
        yield hub.stdout.readline().strip()
        hub.stdin.close()


def _export_once(shape: str, road: str, folder: Path, address: str) -> Run:
    """Export into FOLDER/ROAD/output with a store of its own; only the output is left."""
    work = folder / road.split(",")[0]
    output = work / "output"
    work.mkdir(parents=True)
    line = [sys.executable, "-m", "ovglm", "export", _REPO, "-o", str(output)]
    line += ["--stream"] if road == STREAM else ["--verify", "none"]
    env = {**os.environ, "HF_ENDPOINT": address, "OVGLM_HOME": str(work / "home")}
    disk = DiskPeak([work])
    measured = measure(line, env=env, look=disk.look)
    run = Run(shape, road, measured, disk.bytes, held_bytes(work))
    shutil.rmtree(work / "home", ignore_errors=True)
    return run


def _check_equal(folder: Path, roads: Sequence[str]) -> None:
    """Stop where the roads gave different files."""
    first, *others = [folder / road.split(",")[0] / "output" for road in roads]
    names = sorted(file.name for file in first.iterdir())
    for other in others:
        same, *different = cmpfiles(first, other, names, shallow=False)
        if any(different) or names != sorted(file.name for file in other.iterdir()):
            raise SystemExit(f"the roads gave different files: {different}")
        _say(f"all {len(same)} files are equal, byte by byte")


def tables(runs: Sequence[Run]) -> str:
    """Return the table of medians with ratios, and the table of every run."""
    head = ("shape", "road", "wall", "peak disk", "disk in the end", "peak anonymous memory")
    rows: list[list[str]] = []
    for shape in dict.fromkeys(run.shape for run in runs):
        found = {
            road: _median([run for run in runs if (run.shape, run.road) == (shape, road)])
            for road in (PLAIN, STREAM)
            if any((run.shape, run.road) == (shape, road) for run in runs)
        }
        rows += [_row(run) for run in found.values()]
        if len(found) == 2:
            rows.append(_ratios(found[STREAM], found[PLAIN]))
    medians = markdown_table(head, rows)
    every = markdown_table(head, [_row(run) for run in runs])
    return f"## Medians\n\n{medians}\n\n## Every run, in its order\n\n{every}"


def _median(runs: Sequence[Run]) -> Run:
    measured = Measurement(
        statistics.median(run.measured.wall_s for run in runs),
        int(statistics.median(run.measured.peak_anonymous for run in runs)),
        int(statistics.median(run.measured.peak_resident for run in runs)),
    )
    peak = int(statistics.median(run.peak_disk for run in runs))
    return Run(runs[0].shape, runs[0].road, measured, peak, runs[0].kept_disk)


def _row(run: Run) -> list[str]:
    return [
        run.shape,
        run.road,
        f"{run.measured.wall_s:.1f} s",
        f"{run.peak_disk / 1e9:.2f} GB",
        f"{run.kept_disk / 1e9:.2f} GB",
        f"{run.measured.peak_anonymous / GIB:.2f} GiB",
    ]


def _ratios(one: Run, other: Run) -> list[str]:
    pairs = (
        (one.measured.wall_s, other.measured.wall_s),
        (one.peak_disk, other.peak_disk),
        (one.kept_disk, other.kept_disk),
        (one.measured.peak_anonymous, other.measured.peak_anonymous),
    )
    return [one.shape, "ratio", *(f"{first / second:.2f}" for first, second in pairs)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--shapes", nargs="+", choices=list(SHAPES), default=["glm-edge-1.5b"])
    add("--stream-only", action="store_true", help="for a checkpoint that the disk cannot hold")
    text = "write no weights: the hub makes them up as it sends them"
    add("--made-up", action="store_true", help=text)
    add("--rounds", type=int, default=3, help="default: %(default)s")
    add("--shard-bytes", type=int, default=10**9, metavar="N", help="default: %(default)s")
    add("--work", type=Path, metavar="FOLDER", help="where checkpoints and models are written")
    add("--output", type=Path, metavar="FILE", help="save the table here, too")
    return parser.parse_args()


def main() -> int:
    """Measure every shape and print the tables."""
    asked = _parse()
    line = ["python", "-m", "benchmarks.stream", *sys.argv[1:]]
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as folder:
        for shape in asked.shapes:
            runs += _measure_shape(shape, asked, Path(folder))
    sizes = ", ".join(f"{name} {weights_bytes(SHAPES[name]) / 1e9:.2f} GB" for name in asked.shapes)
    facts = [*setting(line), f"- checkpoints: {sizes}, in shards of {asked.shard_bytes / 1e9} GB"]
    head = ["# Export with and without --stream", "", _NOTE, "", *facts, ""]
    write("\n".join([*head, tables(runs)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
