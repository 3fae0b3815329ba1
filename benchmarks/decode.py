"""Compare generation from our IR with generation from optimum's IR, both attention back ends.

Every figure is made in a process of its own, and the four kinds take turns. Use an idle machine.
Run from the checkout: `python -m benchmarks.optimum_env`, then `python -m benchmarks.decode`.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.decode_once import NEW_TOKENS, PROMPT_TOKENS, SHORT_PROMPT_TOKENS
from benchmarks.exporters import ENVIRONMENT, OPTIMUM, OVGLM, command
from benchmarks.measure import measure
from benchmarks.options import add_common_options, require_optimum
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, write_checkpoint

__all__ = ["Speed", "kinds", "tables"]

_BACKENDS = ("PA", "SDPA")
_NOTE = (
    f"openvino_genai.LLMPipeline on CPU with its defaults, greedy. Decode: {NEW_TOKENS} new tokens "
    f"after {SHORT_PROMPT_TOKENS}; prompt: {PROMPT_TOKENS} random tokens, never the same twice. "
    "Each figure is the median of three in one fresh process after a warm-up."
)


@dataclass(frozen=True)
class Speed:
    """One process: back end, whose IR, milliseconds per new token, prompt tokens per second."""

    backend: str
    road: str
    ms_per_token: float
    prompt_tokens_s: float


def kinds(round_number: int) -> list[tuple[str, str]]:
    """Return (back end, road) of the four processes of a round; odd rounds run backwards."""
    forwards = [(backend, road) for backend in _BACKENDS for road in (OVGLM, OPTIMUM)]
    return forwards if round_number % 2 == 0 else forwards[::-1]


def _measure(folder: Path, backend: str, road: str) -> Speed:
    line = [sys.executable, "-m", "benchmarks.decode_once", str(folder), backend]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    return Speed(backend, road, **json.loads(done.stdout.splitlines()[-1]))


def tables(speeds: Sequence[Speed]) -> str:
    """Return the table of medians with ratios (above 1: ours is faster), and every process."""
    head = ("attention", "IR", "decode, ms/token", "prompt tokens/s")
    rows: list[list[str]] = []
    for backend in _BACKENDS:
        ours, theirs = (_median(speeds, backend, road) for road in (OVGLM, OPTIMUM))
        faster = [
            f"{theirs.ms_per_token / ours.ms_per_token:.2f}×",
            f"{ours.prompt_tokens_s / theirs.prompt_tokens_s:.2f}×",
        ]
        rows += [_row(ours), _row(theirs), [backend, "ours is faster by", *faster]]
    medians = markdown_table(head, rows)
    every = markdown_table(head, [_row(speed) for speed in speeds])
    return f"## Medians\n\n{medians}\n\n## Every process, in its order\n\n{every}"


def _median(speeds: Sequence[Speed], backend: str, road: str) -> Speed:
    found = [speed for speed in speeds if (speed.backend, speed.road) == (backend, road)]
    return Speed(
        backend,
        road,
        statistics.median(speed.ms_per_token for speed in found),
        statistics.median(speed.prompt_tokens_s for speed in found),
    )


def _row(speed: Speed) -> list[str]:
    figures = (f"{speed.ms_per_token:.1f}", f"{speed.prompt_tokens_s:.0f}")
    return [speed.backend, speed.road, *figures]


def _export(shape: str, folder: Path, optimum_env: Path) -> dict[str, Path]:
    """Export random weights by both roads; return the two folders."""
    source = folder / "checkpoint"
    write_checkpoint(SHAPES[shape], source)
    outputs = {road: folder / road for road in (OVGLM, OPTIMUM)}
    for road, output in outputs.items():
        print(f"exporting with {road}", file=sys.stderr, flush=True)
        measure(command(road, source, output, optimum_env), env=ENVIRONMENT)
    shutil.rmtree(source)
    return outputs


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=list(SHAPES), default="glm-edge-1.5b")
    add_common_options(parser)
    return parser.parse_args()


def main() -> int:
    """Export both folders, measure them in turns and print the tables."""
    asked = _parse()
    optimum_env, python = require_optimum(asked.optimum_env)
    speeds: list[Speed] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as folder:
        folders = _export(asked.shape, Path(folder).absolute(), optimum_env)
        for number in range(asked.rounds):
            for backend, road in kinds(number):
                speeds.append(_measure(folders[road], backend, road))
                print(f"round {number + 1}: {speeds[-1]}", file=sys.stderr, flush=True)
    line = ["python", "-m", "benchmarks.decode", *sys.argv[1:]]
    head = [f"# Generation from an INT4 {asked.shape}: our IR and optimum's IR", "", _NOTE, ""]
    write(
        "\n".join([*head, *setting(line, {"optimum's": python}), "", tables(speeds)]), asked.output
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
