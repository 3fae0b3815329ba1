"""Measure `ovglm serve` with many streaming clients against bare openvino_genai on the same folder.

Server, clients and the bare engine (this process) are processes of their own. All engines stay
loaded and burst turns with burst. With --llama-env, llama-cpp-python's server takes part at the
same shape. Use an idle machine. Run from the checkout: `python -m benchmarks.serve`.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.bursts import NEW_TOKENS, Burst, bare
from benchmarks.exporters import ENVIRONMENT, OVGLM, command
from benchmarks.measure import measure
from benchmarks.report import setting, write
from benchmarks.serve_load import LEFT, Job, Result
from benchmarks.serve_process import Clients, Server, clients, llama_server, ovglm_server
from benchmarks.serve_report import BARE, Leak, Run, leak_table, memory_table, speed_table
from benchmarks.shapes import SHAPES, Shape, write_checkpoint
from benchmarks.venvs import program
from ovglm.nano import checkpoint_folder

__all__ = ["draw_text", "order", "request", "shape_of"]

_ROOT = Path(__file__).resolve().parents[1]
_PATH = "/v1/chat/completions"
_OURS, _LLAMA = "ovglm serve", "llama-cpp-python"
_NANO = "nano"
# Clients at once, and how many bursts of them: short ones are noisier.
_BURSTS = {1: 9, 8: 5, 32: 3, 128: 1}
_WORDS = 60
_STEP = 100
_SOAK_CLIENTS = 32
# llama-cpp-python answers one request after the other.
_LLAMA_CONTEXT = 512
_NOTE = (
    f"INT4 folder, CPU, defaults of `ovglm serve`. Each client streams one chat of {_WORDS} words "
    f"and {NEW_TOKENS} new tokens, greedy. The bare engine gets the token ids of the same chats, "
    "is stepped by hand and sends nothing to anybody; server and clients run on the same cores. "
    "Speed: median over bursts; to bare: median over neighbouring bursts. TTFT: from the connect "
    "to the first event. token: between two events with text. llama-cpp-python: Q4_0 with a Q8_0 "
    "head, built natively, one thread per core; its server answers one request at a time."
)


def draw_text(numbers: random.Random) -> str:
    """Draw a text of short words, never the same twice."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join(numbers.choice(letters) for _ in range(_WORDS))


def request(text: str, **more: Any) -> dict[str, Any]:
    """Write a chat request for a stream of NEW_TOKENS tokens."""
    asked = {"messages": [{"role": "user", "content": text}], "stream": True}
    return {"model": "model", **asked, "max_tokens": NEW_TOKENS, "temperature": 0, **more}


def order(number: int, names: list[str]) -> list[str]:
    """Return who goes when in a round; every second round runs backwards."""
    return names if number % 2 == 0 else names[::-1]


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Read the shape of a `glm` checkpoint's config.json."""
    return Shape(
        config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"],
        config["num_key_value_heads"], config["intermediate_size"], config["vocab_size"],
        config["pad_token_id"], config["max_position_embeddings"], config["rope_theta"],
        config["partial_rotary_factor"], config["rms_norm_eps"], config["attention_bias"],
        config["head_dim"],
    )  # fmt: skip


class _Bench:
    """The engines of one shape, loaded."""

    def __init__(
        self, ours: Server, theirs: Burst, load: Clients, llama: Server | None, no_stops: list[int]
    ) -> None:
        self.ours = ours
        self._bare = theirs
        self._load = load
        self._llama = llama
        self._no_stops = {str(token): -100.0 for token in no_stops}
        self._numbers = random.Random(0)

    def texts(self, count: int) -> list[str]:
        """Draw the texts of a burst."""
        return [draw_text(self._numbers) for _ in range(count)]

    def compare(self, bursts: Mapping[int, int], llama_most: int) -> dict[tuple[int, str], Run]:
        """Let all take turns at each number of clients."""
        runs: dict[tuple[int, str], Run] = {}
        self.send(self.texts(max(bursts)))
        self._ask_bare(self.texts(max(bursts)), Run())
        for count, rounds in bursts.items():
            names = [_OURS, BARE]
            if self._llama is not None and count <= llama_most:
                names.append(_LLAMA)
            runs |= {(count, name): Run() for name in names}
            for number in range(rounds):
                texts = self.texts(count)
                for name in order(number, names):
                    self._take_turn(name, texts, runs[count, name])
            _say(f"{count} clients: {[(name, runs[count, name].tokens_s) for name in names]}")
        return runs

    def soak(self, requests: int) -> list[int]:
        """Send requests twice; return the memory before the second time and after each hundred.

        The first time fills what is bounded: the KV cache, and the CPU plugin's kernels.
        """
        self.send(self.texts(requests), _SOAK_CLIENTS)
        self.ours.wait_until_quiet()
        found = [self.ours.memory]
        for _ in range(0, requests, _STEP):
            self.send(self.texts(_STEP), _SOAK_CLIENTS)
            self.ours.wait_until_quiet()
            found.append(self.ours.memory)
        return found

    def vanish(self, requests: int) -> Leak:
        """Let every tenth client vanish in mid-stream; return what is left."""
        self.ours.wait_until_quiet()
        memory, handles = self.ours.memory, self.ours.handles
        leave = [self._numbers.randint(1, 20) if n % 10 == 5 else None for n in range(requests)]
        found = self.send(self.texts(requests), _SOAK_CLIENTS, leave)
        quiet_s, rest = self.ours.wait_until_quiet()
        after = (self.ours.memory, self.ours.handles)
        vanished = found.ends.get(LEFT, 0)
        return Leak(requests, vanished, quiet_s, (memory, after[0]), (handles, after[1]), rest)

    def send(
        self,
        texts: list[str],
        concurrency: int | None = None,
        leave: list[int | None] | None = None,
    ) -> Result:
        """Ask our server; all answers must have their full length."""
        name = json.loads(self.ours.ask("/v1/models"))["data"][0]["id"]
        bodies = [request(text, model=name, ignore_eos=True) for text in texts]
        job = Job(self.ours.port, _PATH, concurrency or len(texts), bodies, leave or ())
        return _full(self._load.run(job))

    def _take_turn(self, name: str, texts: list[str], run: Run) -> None:
        if name == BARE:
            self._ask_bare(texts, run)
            return
        if name == _OURS:
            found = self.send(texts)
        else:
            assert self._llama is not None
            bodies = [request(text, logit_bias=self._no_stops) for text in texts]
            found = _full(self._load.run(Job(self._llama.port, _PATH, len(texts), bodies)))
        run.tokens_s.append(len(texts) * NEW_TOKENS / found.total_s)
        run.firsts += found.firsts
        run.gaps += found.gaps

    def _ask_bare(self, texts: list[str], run: Run) -> None:
        """Burst the ids that our server makes of the same chats."""
        name = json.loads(self.ours.ask("/v1/models"))["data"][0]["id"]
        prompts = []
        for text in texts:
            asked = {"model": name, "messages": request(text)["messages"]}
            prompts.append(json.loads(self.ours.ask("/v1/tokenize", asked))["tokens"])
        total_s, firsts = self._bare(prompts)
        run.tokens_s.append(len(texts) * NEW_TOKENS / total_s)
        run.firsts += firsts


def _full(found: Result) -> Result:
    if set(found.ends) - {"length", LEFT}:
        raise SystemExit(f"answers ended as {found.ends} instead of by their length")
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _export(name: str, work: Path) -> Path:
    """Make the INT4 folder of a shape."""
    folder, source = work / "model", work / "checkpoint"
    if name == _NANO:
        source = checkpoint_folder()
    else:
        write_checkpoint(SHAPES[name], source)
    _say(f"{name}: exporting")
    measure(command(OVGLM, source, folder, Path()), env=ENVIRONMENT)
    if name != _NANO:
        shutil.rmtree(source)
    return folder


def _write_gguf(folder: Path, environment: Path, output: Path) -> None:
    shape = shape_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    line = [str(program(environment, "python")), "-m", "benchmarks.llama_gguf"]
    line += [json.dumps(asdict(shape)), str(output), "--vocabulary", str(folder)]
    subprocess.run(line, check=True, cwd=_ROOT)


def _control_ids(folder: Path) -> list[int]:
    document = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return [token["id"] for token in document["added_tokens"]]


def _measure(name: str, work: Path, asked: argparse.Namespace) -> str:
    """Load all, let them take turns, then soak our server and let clients vanish."""
    folder = _export(name, work)
    with ExitStack() as stack:
        llama = None
        if asked.llama_env is not None:
            _write_gguf(folder, asked.llama_env.absolute(), work / "model.gguf")
            started = llama_server(asked.llama_env.absolute(), work / "model.gguf", _LLAMA_CONTEXT)
            llama = stack.enter_context(started)
        ours = stack.enter_context(ovglm_server(folder))
        load = stack.enter_context(clients())
        bench = _Bench(ours, bare(folder), load, llama, _control_ids(folder))
        bursts = {count: _BURSTS.get(count, 1) * asked.repeats for count in asked.clients}
        parts = [f"## {name}", speed_table(bench.compare(bursts, asked.llama_most))]
        if name == _NANO and asked.soak:
            _say(f"{name}: {asked.soak} requests")
            parts += ["### Memory", memory_table(_STEP, bench.soak(asked.soak))]
        if asked.vanish:
            _say(f"{name}: clients vanish")
            parts += ["### Clients that vanish", leak_table(bench.vanish(asked.vanish))]
    return "\n\n".join(parts)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    shapes = [_NANO, "glm-edge-1.5b"]
    add("--shape", choices=[_NANO, *SHAPES], nargs="+", default=shapes)
    add("--clients", type=int, nargs="+", default=list(_BURSTS))
    add("--repeats", type=int, default=1, help="times as many bursts (default: %(default)s)")
    add("--soak", type=int, default=2000, help="requests of the memory test (%(default)s)")
    add("--vanish", type=int, default=200, help="requests of which 10 %% vanish (%(default)s)")
    add("--llama-env", type=Path, metavar="FOLDER", help="as benchmarks.llama_env made it")
    add("--llama-most", type=int, default=8, help="clients it gets at most (%(default)s)")
    add("--work", type=Path, metavar="FOLDER", help="where checkpoint and model are written")
    add("--output", type=Path, metavar="FILE", help="save the tables here, too")
    return parser.parse_args()


def main() -> int:
    """Measure every shape and print the tables."""
    asked = _parse()
    found = []
    for name in asked.shape:
        with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=asked.work) as work:
            found.append(_measure(name, Path(work).absolute(), asked))
    line = ["python", "-m", "benchmarks.serve", *sys.argv[1:]]
    others = {}
    if asked.llama_env is not None:
        others["llama.cpp's"] = program(asked.llama_env.absolute(), "python")
    head = ["# `ovglm serve` and bare openvino_genai, many clients", "", _NOTE, ""]
    write("\n".join([*head, *setting(line, others), "", "\n\n".join(found)]), asked.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
