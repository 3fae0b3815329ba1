"""How near INT4 stays to the original on nano: presets, NNCF's methods by layer and on the whole.

Every row is exported anew in a process of its own. KL, perplexity ratio and top-1 are against the
unquantised export over nano's held-out conversations; task accuracy is the share of their prompts
that are answered right. Run from the checkout: `python -m benchmarks.quality`.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

from benchmarks.exporters import ENVIRONMENT
from benchmarks.measure import GIB, Measurement, measure
from benchmarks.report import markdown_table, setting, write
from nano_training.answers import count_right
from nano_training.data import held_out_samples
from nano_training.evaluate import ask
from nano_training.vocabulary import ChatFormat
from ovglm.nano import checkpoint_folder
from ovglm_export.layerwise import EXACT

__all__ = ["Distance", "Road", "Row", "compare", "exact_logits", "held_out_texts", "roads", "table"]

_NOTE = (
    "nano, exported in every way; built-in calibration text, 32 samples of 512 tokens. KL, "
    "perplexity ratio and top-1 agreement are against the bf16 export, over all tokens of held-out "
    "conversations; activations in float32. `by layer` is `ovglm export --gptq` and the like, "
    "`whole model` is one call of `nncf.compress_weights` with the same methods and text. "
    "Peak memory is that of the exporting process, libraries included."
)
_GROUPS = (32, 64, 128, -1)
_METHODS = (("gptq",), ("awq", "scale_estimation"))


@dataclass(frozen=True)
class Road:
    """One way to export: the recipe's and the road's names, and the command but for its output."""

    recipe: str
    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Distance:
    """Mean KL in nats, top-1 agreement, and the ratio of perplexities."""

    kl: float
    top1: float
    perplexity_ratio: float


@dataclass(frozen=True)
class Row:
    """One export: what it took, its openvino_model.bin in bytes, and how good it is."""

    road: Road
    measured: Measurement
    weights_bytes: int
    distance: Distance
    accuracy: float


@dataclass(frozen=True)
class _Asked:
    """What every export is evaluated on: token ids of texts, and task prompts of each kind."""

    texts: Sequence[Sequence[int]]
    per_group: int


def roads() -> list[Road]:
    """List all exports; the first is the original."""
    ours = (sys.executable, "-m", "ovglm", "export", "nano", "--verify", "none")
    once = (sys.executable, "-m", "benchmarks.quality_once")
    found = [Road("bf16", "fast", (*ours, "--weights", "bf16"))]
    found.append(Road("int8", "fast", (*ours, "--weights", "int8")))
    for group in _GROUPS:
        recipe = "int4 per channel" if group == -1 else f"int4 g{group}"
        sized = ("--group-size", str(group))
        for quality in ("fast", "balanced", "best"):
            found.append(Road(recipe, quality, (*ours, *sized, "--quality", quality)))
        for methods in _METHODS:
            name = " + ".join(methods)
            flags = ["--" + one.replace("_", "-") for one in methods]
            found.append(Road(recipe, f"{name}, by layer", (*ours, *sized, *flags)))
            whole = (*once, *sized, "--methods", *methods)
            found.append(Road(recipe, f"{name}, whole model", whole))
    return found


def compare(
    original: Sequence[np.ndarray], export: Sequence[np.ndarray], texts: Sequence[Sequence[int]]
) -> Distance:
    """Compare logits, [tokens, vocab] of each text."""
    kl, same, loss, tokens, targets = 0.0, 0, 0.0, 0, 0
    for one, other, ids in zip(
        map(_log_softmax, original), map(_log_softmax, export), texts, strict=True
    ):
        kl += float((np.exp(one) * (one - other)).sum())
        same += int((one.argmax(-1) == other.argmax(-1)).sum())
        at, following = np.arange(len(ids) - 1), np.array(ids[1:])
        loss += float((one[at, following] - other[at, following]).sum())
        tokens, targets = tokens + len(ids), targets + len(following)
    return Distance(kl / tokens, same / tokens, float(np.exp(loss / targets)))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def exact_logits(folder: Path, texts: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
    """Yield the logits [tokens, vocab] of each text, in float32 arithmetic."""
    compiled = ov.Core().compile_model(folder / "openvino_model.xml", "CPU", EXACT)
    request = compiled.create_infer_request()
    for ids in texts:
        request.reset_state()
        values = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
            "beam_idx": np.zeros(1, np.int32),
        }
        yield request.infer(values)["logits"][0].copy()


def held_out_texts(per_group: int) -> list[list[int]]:
    """Render held-out conversations with their answers."""
    folder = checkpoint_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    form = ChatFormat(folder / "chat_template.jinja", tokenizer)
    return [form.training_ids(sample)[0] for sample in held_out_samples(per_group)]


def _measure(road: Road, folder: Path, original: list[np.ndarray], asked: _Asked) -> Row:
    """Export and evaluate; the first road's logits are the original's, and are kept there."""
    output = folder / re.sub(r"\W+", "-", f"{road.recipe} {road.name}")
    measured = measure((*road.command, "-o", str(output)), env=ENVIRONMENT)
    found = list(exact_logits(output, asked.texts))
    if not original:
        original += found
    right, count = count_right(ask(output, held_out_samples(asked.per_group)))["overall"]
    distance = compare(original, found, asked.texts)
    size = (output / "openvino_model.bin").stat().st_size
    return Row(road, measured, size, distance, right / count)


def table(rows: Sequence[Row]) -> str:
    """Return the table; `against fast` holds the KL against that of the recipe's fast row."""
    head = ("recipe", "road", "KL", "against fast", "perplexity", "top-1", "tasks", "size")
    fast = {row.road.recipe: row.distance.kl for row in rows if row.road.name == "fast"}
    return markdown_table(
        (*head, "wall", "peak anonymous"), [_cells(row, fast[row.road.recipe]) for row in rows]
    )


def _cells(row: Row, fast_kl: float) -> list[str]:
    found = row.distance
    change = f"{100 * (found.kl / fast_kl - 1):+.0f} %" if row.road.name != "fast" else ""
    return [
        row.road.recipe,
        row.road.name,
        f"{found.kl:.4f}",
        change,
        f"× {found.perplexity_ratio:.4f}",
        f"{100 * found.top1:.1f} %",
        f"{100 * row.accuracy:.1f} %",
        f"{row.weights_bytes / 1e6:.2f} MB",
        f"{row.measured.wall_s:.0f} s",
        f"{row.measured.peak_anonymous / GIB:.2f} GiB",
    ]


def main() -> int:
    """Measure every road and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-group", type=int, default=150, help="task prompts of each kind")
    parser.add_argument("--texts", type=int, default=25, help="conversations of each kind")
    parser.add_argument("--recipes", nargs="+", help="only these, such as `int4 g128`")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where models are written")
    parser.add_argument("--output", type=Path, metavar="FILE", help="save the table here, too")
    options = parser.parse_args()
    asked = _Asked(held_out_texts(options.texts), options.per_group)
    wanted = [
        one for one in roads() if not options.recipes or one.recipe in ("bf16", *options.recipes)
    ]
    rows: list[Row] = []
    original: list[np.ndarray] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=options.work) as folder:
        for road in wanted:
            rows.append(_measure(road, Path(folder), original, asked))
            print(table(rows).splitlines()[-1], file=sys.stderr, flush=True)
    line = ["python", "-m", "benchmarks.quality", *sys.argv[1:]]
    head = ["# Quality of INT4 on nano", "", _NOTE, "", *setting(line), ""]
    write("\n".join([*head, table(rows)]), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
