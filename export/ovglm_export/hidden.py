"""Hidden states of many samples on disk, and one part run over all of them in bounded memory.

What a part gives for one sample depends on no other sample, so each is run alone: its memory is
that of the part and of the longest sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np
import openvino as ov
from openvino import Type

from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.graph import (
    attention_mask,
    make_model,
    named_input,
    named_output,
    rotary_tables,
)
from ovglm_export.layerwise import EXACT, RunningPart
from ovglm_export.plan import EMBEDDING

__all__ = ["HiddenStates", "Positions", "embed", "look_up", "run_head", "run_layer", "run_part"]

_STORED = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32}
# Tokens of one call of the head: at 151,552 logits of 4 bytes each is 0.6 MB.
_HEAD_TOKENS = 64

Samples = Sequence[Sequence[int]]


@dataclass(frozen=True)
class HiddenStates:
    """The states of some samples between two parts: [tokens, width] in one file.

    lengths: the tokens of each sample. dtype: BF16, F16 or F32, as the file holds them; they are
    read and written as float32. float16 overflows at the outliers of large models.
    """

    path: Path
    lengths: tuple[int, ...]
    width: int
    dtype: str = "BF16"

    def create(self) -> HiddenStates:
        """Make the file, all zeros, and return self; an old one is replaced."""
        with self.path.open("wb") as stream:
            stream.truncate(self.size_bytes)
        return self

    @property
    def size_bytes(self) -> int:
        """Return the bytes of the file."""
        return sum(self.lengths) * self.width * np.dtype(_STORED[self.dtype]).itemsize

    def read(self, sample: int) -> np.ndarray:
        """Return the states of one sample: float32 [tokens, width]."""
        return self._mapped(sample, "r").astype(np.float32)

    def write(self, sample: int, values: np.ndarray) -> None:
        """Store the states of one sample: float32 [tokens, width]."""
        self._mapped(sample, "r+")[:] = values

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def _mapped(self, sample: int, mode: str) -> np.memmap:
        """Map the place of one sample."""
        dtype = np.dtype(_STORED[self.dtype])
        start = sum(self.lengths[:sample]) * self.width * dtype.itemsize
        shape = (self.lengths[sample], self.width)
        return np.memmap(self.path, dtype, mode=mode, offset=start, shape=shape)  # pyright: ignore[reportCallIssue, reportArgumentType]


@dataclass(frozen=True)
class Positions:
    """What all layers take beside the states, for a sequence from its beginning.

    cos and sin: [1, 1, T, rotary_dim]; mask: [1, 1, T, T]; all float32.
    """

    cos: np.ndarray
    sin: np.ndarray
    mask: np.ndarray

    @staticmethod
    def of(arch: Architecture, length: int) -> Positions:
        """Compute them for sequences up to a length, with the graph's own operations."""
        positions = named_input("position_ids", [1, -1], Type.i64)
        present = named_input("attention_mask", [1, -1], Type.i64)
        cos, sin = rotary_tables(positions, arch.inverse_frequencies(), arch.rotary_scale)
        nodes = {"cos": cos, "sin": sin, "mask": attention_mask(present, positions)}
        results = [named_output(node, name) for name, node in nodes.items()]
        part = RunningPart(make_model(results, [positions, present], "positions"))
        counted = np.arange(length, dtype=np.int64)[None]
        found = part.run({"position_ids": counted, "attention_mask": np.ones_like(counted)})
        return Positions(**found)

    def inputs(self, length: int) -> dict[str, np.ndarray]:
        """Return the inputs of a layer for a sequence of this length."""
        return {
            "cos": np.ascontiguousarray(self.cos[:, :, :length]),
            "sin": np.ascontiguousarray(self.sin[:, :, :length]),
            "mask": np.ascontiguousarray(self.mask[:, :, :length, :length]),
            "beam_idx": np.zeros(1, np.int32),
        }


def embed(part: ov.Model, samples: Samples, target: HiddenStates) -> None:
    """Run an embedding part over all samples."""
    running = RunningPart(part)
    for at, ids in enumerate(samples):
        values = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        }
        target.write(at, running.run(values)["hidden"][0])


def look_up(checkpoint: Checkpoint, samples: Samples, target: HiddenStates) -> None:
    """Take the states of all samples from the checkpoint's own embedding, which is only mapped."""
    table = checkpoint.weight(f"{EMBEDDING}.weight")
    for at, ids in enumerate(samples):
        target.write(at, Weight(table.data[np.array(ids)], table.dtype).as_float32())


def run_part(
    part: ov.Model,
    sources: Mapping[str, HiddenStates],
    positions: Positions | None = None,
    properties: Mapping[str, str] = EXACT,
) -> Iterator[dict[str, np.ndarray]]:
    """Yield a part's outputs by name, [tokens, ...], sample by sample.

    sources: the states of each input [1, T, ...]. positions: for a part that attends.
    properties: of the CPU plugin.
    """
    running = RunningPart(part, keep=True, properties=properties)
    lengths = next(iter(sources.values())).lengths
    for at, length in enumerate(lengths):
        values = {name: states.read(at)[None] for name, states in sources.items()}
        if positions is not None:
            values |= positions.inputs(length)
            running.reset()
        yield {name: value[0] for name, value in running.run(values).items()}


def run_layer(
    part: ov.Model, source: HiddenStates, target: HiddenStates, positions: Positions
) -> None:
    """Run a decoder layer over all samples; source and target may be one."""
    for at, outputs in enumerate(run_part(part, {"hidden": source}, positions)):
        target.write(at, outputs["hidden_out"])


def run_head(part: ov.Model, states: HiddenStates) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield sample, first token and logits [up to 64, vocab] in order; the head has no cache."""
    running = RunningPart(part, keep=True)
    for at, length in enumerate(states.lengths):
        hidden = states.read(at)
        for start in range(0, length, _HEAD_TOKENS):
            values = {"hidden": hidden[None, start : start + _HEAD_TOKENS]}
            yield at, start, running.run(values)["logits"][0]
