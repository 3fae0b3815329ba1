"""How much of earlier errors `--quality best` should mend in each kind of matrix, by KL on nano.

Run from the checkout: `python -m benchmarks.strengths`. Half of the held-out conversations are to
choose by, the other half tells whether the choice holds.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.quality import compare, exact_logits, held_out_texts
from benchmarks.report import markdown_table, setting, write
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm_export.calibrated import layers
from ovglm_export.pipeline import ExportOptions, export_checkpoint

__all__ = ["combinations", "table"]

Strengths = tuple[float, ...]
Kl = tuple[float, float]
_KINDS = ("q, k, v", "o", "gate_up", "down")
_GROUPS = {"g128": 128, "per channel": -1}
_NOTE = (
    "nano in INT4 by `--quality best`; a strength is the share of the errors of earlier matrices "
    "that a matrix is fitted to mend. Mean KL in nats to the bf16 export, activations in float32, "
    "over two halves of the held-out conversations. Calibrated on the built-in text, 32 samples of "
    "512 tokens. `balanced` is fitted without the original beside it."
)


def combinations() -> list[Strengths]:
    """List what is tried: the same for all kinds, then one kind apart from the others."""
    same = [(one,) * len(_KINDS) for one in (0.0, 0.3, 0.5, 0.7, 1.0)]
    apart = [
        tuple(other if at == kind else 0.5 for at in range(len(_KINDS)))
        for kind, other in itertools.product(range(len(_KINDS)), (0.0, 1.0))
    ]
    return [*same, *apart]


def table(rows: Sequence[tuple[str, Strengths | None, Kl]]) -> str:
    """Return the table; rows: recipe, strengths (None: balanced), KL on both halves."""
    head = ("recipe", *_KINDS, "KL to choose by", "KL on the others")
    cells = [
        [recipe, *map(str, strengths or ("balanced", "", "", "")), *(f"{one:.4f}" for one in kl)]
        for recipe, strengths, kl in rows
    ]
    return markdown_table(head, cells)


class _Judge:
    """Exports nano in one way after the other and compares with the original."""

    def __init__(self, folder: Path, per_group: int) -> None:
        self._folder = folder
        self._texts = held_out_texts(per_group)
        self._original = self._export("bf16", Recipe("bf16"))

    def distance(self, name: str, recipe: Recipe) -> Kl:
        """Return the KL over every second conversation, and over the others."""
        found = self._export(name, recipe)
        halves = (slice(0, None, 2), slice(1, None, 2))
        first, second = (
            compare(self._original[half], found[half], self._texts[half]).kl for half in halves
        )
        return first, second

    def _export(self, name: str, recipe: Recipe) -> list[np.ndarray]:
        output = self._folder / name
        export_checkpoint(checkpoint_folder(), output, recipe, ExportOptions(verify="none"))
        return list(exact_logits(output, self._texts))


def main() -> int:
    """Try every combination and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=25, help="conversations of each kind")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where models are written")
    parser.add_argument("--output", type=Path, metavar="FILE", help="save the table here, too")
    options = parser.parse_args()
    rows: list[tuple[str, Strengths | None, Kl]] = []
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-", dir=options.work) as folder:
        judge = _Judge(Path(folder), options.texts)
        for recipe, group in _GROUPS.items():
            for strengths in (None, *combinations()):
                told = Recipe(group_size=group, quality="best" if strengths else "balanced")
                with mock.patch.object(layers, "STRENGTHS", strengths or layers.STRENGTHS):
                    kl = judge.distance(f"{len(rows)}", told)
                rows.append((recipe, strengths, kl))
                print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    line = ["python", "-m", "benchmarks.strengths", *sys.argv[1:]]
    head = ["# How much of earlier errors each kind of matrix should mend", "", _NOTE, ""]
    write("\n".join([*head, *setting(line), "", table(rows)]), options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
