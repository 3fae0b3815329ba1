"""Hidden states in batches: many short samples run at once, for weights are read once per run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ovglm_export.hidden import HiddenStates

__all__ = ["Batch", "make_batches", "run_batches"]

# Tokens of a run, padding included: at 13,696 channels of an MLP 55 MB as float32.
_MOST_TOKENS = 512


@dataclass(frozen=True)
class Batch:
    """Some samples, padded behind to one length; causal attention never looks there."""

    samples: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def length(self) -> int:
        """Return the length of the longest sample."""
        return max(self.lengths)

    def stack(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Stack one array per sample, each [T, ...], to [B, longest T, ...] with zeros behind."""
        stacked = np.zeros((len(rows), self.length, *rows[0].shape[1:]), rows[0].dtype)
        for place, row in enumerate(rows):
            stacked[place, : len(row)] = row
        return stacked

    def read(self, states: HiddenStates) -> np.ndarray:
        """Read the states of its samples: float32 [B, T, H]."""
        return self.stack([states.read(sample) for sample in self.samples])

    def write(self, states: HiddenStates, values: np.ndarray) -> None:
        """Store [B, T, H] without the padding."""
        for sample, length, rows in zip(self.samples, self.lengths, values, strict=True):
            states.write(sample, rows[:length])

    def real(self, values: np.ndarray) -> np.ndarray:
        """Take the values of tokens, [B, T, ...], that are no padding: [tokens, ...]."""
        rows = zip(self.lengths, values, strict=True)
        return np.concatenate([row[:length] for length, row in rows])


def make_batches(lengths: Sequence[int]) -> tuple[Batch, ...]:
    """Put samples of similar length together; a longer one than the limit runs alone."""
    groups: list[list[int]] = []
    for sample in sorted(range(len(lengths)), key=lambda one: lengths[one]):
        if not groups or (len(groups[-1]) + 1) * lengths[sample] > _MOST_TOKENS:
            groups.append([])
        groups[-1].append(sample)
    return tuple(
        Batch(tuple(group), tuple(lengths[sample] for sample in group)) for group in groups
    )


def run_batches(
    run: Callable[[np.ndarray], np.ndarray],
    batches: Sequence[Batch],
    source: HiddenStates,
    target: HiddenStates,
) -> None:
    """Run something over all samples; source and target may be one."""
    for batch in batches:
        batch.write(target, run(batch.read(source)))
