"""Runs checkpoint and export side by side, layer by layer, over all samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovglm.progress import Progress
from ovglm.verification import LayerError
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.hidden import HiddenStates, Positions, look_up
from ovglm_export.verify.cut import CutModel
from ovglm_export.verify.export_parts import ExportPart
from ovglm_export.verify.reference import ReferenceLayer
from ovglm_export.verify.rounding import rounded
from ovglm_export.verify.states import Batch, make_batches, run_batches

__all__ = ["Pair", "Walk"]


@dataclass(frozen=True)
class Pair:
    """The two things that are compared; properties: how the CPU runs the export."""

    checkpoint: Checkpoint
    export: CutModel
    properties: dict[str, str]

    def part(self, place: int) -> ExportPart:
        """Compile a part of the export: 0 is the embedding, the last one is the head."""
        name = "the head" if place == len(self.export.parts) - 1 else f"layer {place - 1}"
        return ExportPart(self.export.parts[place], self.properties, name)


class Walk:
    """The states of both models between two layers, on disk in `scratch`."""

    def __init__(self, pair: Pair, samples: Sequence[Sequence[int]], scratch: Path) -> None:
        self._pair = pair
        self._samples = samples
        lengths = tuple(map(len, samples))
        width = pair.checkpoint.architecture.hidden_size
        self._batches = make_batches(lengths)
        self._scratch = scratch

        def make(name: str) -> HiddenStates:
            return HiddenStates(scratch / name, lengths, width, "F32").create()

        self.original, self.export = make("original"), make("export")
        self._next = make("next")

    def run(self, progress: Progress) -> tuple[LayerError, ...]:
        """Take all samples through all layers of both; `original` and `export` hold the ends."""
        look_up(self._pair.checkpoint, self._samples, self.original)
        first = self._pair.part(0)
        for batch in self._batches:
            rows = [np.array(self._samples[sample], np.int64) for sample in batch.samples]
            batch.write(self.export, first.embed(batch.stack(rows)))
        progress.advance()
        del first
        arch = self._pair.checkpoint.architecture
        positions = Positions.of(arch, max(self.original.lengths))
        errors = []
        for layer in range(arch.layers):
            errors.append(self._step(layer, positions))
            progress.advance()
        return tuple(errors)

    def _step(self, layer: int, positions: Positions) -> LayerError:
        """Take one layer of both, one at a time in memory."""
        original = ReferenceLayer(self._pair.checkpoint, layer, positions, self._scratch)
        run_batches(original.run, self._batches, self.original, self._next)
        del original
        part = self._pair.part(layer + 1)
        added, carried = [], []
        for batch in self._batches:
            wanted = batch.read(self._next)
            added.append(_errors(batch, part.run(batch.read(self.original)), wanted))
            found = part.run(batch.read(self.export))
            carried.append(_errors(batch, found, wanted))
            batch.write(self.export, found)
        self.original, self._next = self._next, self.original
        return LayerError(layer, _mean(added), _mean(carried))


def _errors(batch: Batch, found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return |found - wanted| / |wanted| of each token, float64 [tokens]."""
    size = np.linalg.norm(batch.real(wanted).astype(np.float64), axis=-1)
    error = np.linalg.norm(batch.real(found).astype(np.float64) - batch.real(wanted), axis=-1)
    return error / np.maximum(size, np.finfo(np.float32).tiny)


def _mean(parts: list[np.ndarray]) -> float:
    return rounded(np.concatenate(parts).mean())
