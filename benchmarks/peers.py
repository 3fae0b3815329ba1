"""Compare our engine with llama.cpp and with optimum-intel's `generate`, all at 4 bits on the CPU.

Every figure is made in a process of its own, and the three take turns. Use an idle machine.
Run from the checkout: `python -m benchmarks.optimum_env`, `python -m benchmarks.llama_env`, then
`python -m benchmarks.peers`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import llama_env
from benchmarks.exporters import ENVIRONMENT, OPTIMUM, OVGLM, command
from benchmarks.generation import NEW_TOKENS, PROMPT_TOKENS
from benchmarks.measure import measure
from benchmarks.options import add_common_options, require_optimum
from benchmarks.report import markdown_table, setting, write
from benchmarks.shapes import SHAPES, write_checkpoint
from benchmarks.venvs import program
from ovglm.bench.read_speed import measure_read_speed
from ovglm.bench.traffic import weights_read
from ovglm.devices import read_facts
from ovglm.devices.fit import cache_bytes_per_token
from ovglm.manifest import read_manifest

__all__ = ["LLAMA", "Speed", "order", "tables"]

LLAMA = "llama.cpp"
_ROOT = Path(__file__).resolve().parents[1]
_NOTE = (
    f"{PROMPT_TOKENS} prompt and {NEW_TOKENS} new tokens, greedy, batch 1. Each figure is the "
    "median of three prompts in one fresh process after a warm-up. ovglm: its engine with its "
    "defaults on an INT4 folder (symmetric, group 128, head INT8). llama.cpp: llama-cpp-python "
    "built natively, Q4_0 with a Q8_0 head, one thread per core. optimum-intel: "
    "OVModelForCausalLM.generate on the folder that optimum-cli made with the same recipe."
)


@dataclass(frozen=True)
class Speed:
    """One process: shape, peer, ms per new token, prompt tokens per second, read speed in GB/s.

    The read speed of plain memory is measured right before each process.
    """

    shape: str
    peer: str
    ms_per_token: float
    prompt_tokens_s: float
    read_gb_s: float


def order(round_number: int) -> list[str]:
    """Return the peers of a round; every second round runs backwards."""
    peers = [OVGLM, LLAMA, OPTIMUM]
    return peers if round_number % 2 == 0 else peers[::-1]


def tables(speeds: Sequence[Speed], step_bytes: dict[str, int]) -> str:
    """Return medians with ratios (above 1: ours is faster), and every process.

    step_bytes: for each shape the bytes that one step of ours reads.
    """
    rows: list[list[str]] = []
    for shape in dict.fromkeys(speed.shape for speed in speeds):
        ours, *others = (_median(speeds, shape, peer) for peer in (OVGLM, LLAMA, OPTIMUM))
        share = step_bytes[shape] / ours.ms_per_token * 1000 / (ours.read_gb_s * 1e9)
        rows.append([*_row(ours), f"{share:.0%} of {ours.read_gb_s:.1f} GB/s"])
        for other in others:
            decode = other.ms_per_token / ours.ms_per_token
            prompt = ours.prompt_tokens_s / other.prompt_tokens_s
            rows.append([*_row(other), f"ours: {decode:.2f}× decode, {prompt:.2f}× prompt"])
    head = ("shape", "peer", "decode, ms/token", "prompt tokens/s")
    medians = markdown_table((*head, "read bandwidth reached, or ratio"), rows)
    every = markdown_table(
        (*head, "plain reading, GB/s"), [[*_row(one), f"{one.read_gb_s:.1f}"] for one in speeds]
    )
    return f"## Medians\n\n{medians}\n\n## Every process, in its order\n\n{every}"


def _median(speeds: Sequence[Speed], shape: str, peer: str) -> Speed:
    found = [speed for speed in speeds if (speed.shape, speed.peer) == (shape, peer)]
    names = ("ms_per_token", "prompt_tokens_s", "read_gb_s")
    return Speed(
        shape, peer, *(statistics.median(getattr(one, name) for one in found) for name in names)
    )


def _row(speed: Speed) -> list[str]:
    figures = (f"{speed.ms_per_token:.1f}", f"{speed.prompt_tokens_s:.0f}")
    return [speed.shape, speed.peer, *figures]


def _prepare(shape: str, folder: Path, optimum_env: Path, llama: Path) -> dict[str, Path]:
    """Write random weights for all three; return what each reads."""
    source = folder / "checkpoint"
    write_checkpoint(SHAPES[shape], source)
    made = {road: folder / road for road in (OVGLM, OPTIMUM)}
    for road, output in made.items():
        print(f"{shape}: exporting with {road}", file=sys.stderr, flush=True)
        measure(command(road, source, output, optimum_env), env=ENVIRONMENT)
    shutil.rmtree(source)
    made[LLAMA] = folder / "model.gguf"
    print(f"{shape}: writing GGUF", file=sys.stderr, flush=True)
    written = json.dumps(asdict(SHAPES[shape]))
    line = [str(program(llama, "python")), "-m", "benchmarks.llama_gguf", written]
    subprocess.run([*line, str(made[LLAMA])], check=True, cwd=_ROOT)
    return made


def _measure(shape: str, peer: str, path: Path, pythons: dict[str, Path]) -> Speed:
    module = {OVGLM: "engine_once", LLAMA: "llama_once", OPTIMUM: "optimum_once"}[peer]
    read = measure_read_speed(os.cpu_count() or 1).bytes_s / 1e9
    line = [str(pythons[peer]), "-m", f"benchmarks.{module}", str(path)]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    return Speed(shape, peer, **json.loads(done.stdout.splitlines()[-1]), read_gb_s=read)


def _step_bytes(folder: Path) -> int:
    """Return what a step of ours reads with half of the answer made: weights and u8 KV cache."""
    facts = read_facts(folder)
    cache = cache_bytes_per_token(facts, "u8", "CPU") * (PROMPT_TOKENS + NEW_TOKENS // 2)
    return weights_read(facts, read_manifest(folder).matrices) + cache


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    shapes = ["glm-edge-1.5b", "glm-edge-4b"]
    parser.add_argument("--shape", choices=list(SHAPES), nargs="+", default=shapes)
    parser.add_argument("--llama-env", type=Path, default=llama_env.default_folder())
    add_common_options(parser)
    return parser.parse_args()


def main() -> int:
    """Measure every shape in turns and print the tables."""
    asked = _parse()
    optimum, optimum_python = require_optimum(asked.optimum_env)
    llama = asked.llama_env.absolute()
    llama_python = program(llama, "python")
    if not llama_python.is_file():
        raise SystemExit(f"{llama} is missing; try: python -m benchmarks.llama_env")
    pythons = {OVGLM: Path(sys.executable), OPTIMUM: optimum_python, LLAMA: llama_python}
    speeds: list[Speed] = []
    step_bytes: dict[str, int] = {}
    for shape in asked.shape:
        with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as folder:
            made = _prepare(shape, Path(folder).absolute(), optimum, llama)
            step_bytes[shape] = _step_bytes(made[OVGLM])
            for number in range(asked.rounds):
                for peer in order(number):
                    speeds.append(_measure(shape, peer, made[peer], pythons))
                    print(f"round {number + 1}: {speeds[-1]}", file=sys.stderr, flush=True)
    line = ["python", "-m", "benchmarks.peers", *sys.argv[1:]]
    head = ["# Generation at 4 bits: ovglm, llama.cpp and optimum-intel", "", _NOTE, ""]
    where = setting(line, {"optimum's": optimum_python, "llama.cpp's": llama_python})
    write("\n".join([*head, *where, "", tables(speeds, step_bytes)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
