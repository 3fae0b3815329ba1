"""Second moments of activations, summed in place; BLAS does the work."""

from __future__ import annotations

import numpy as np

from ovglm_export.calibrated.blas import add_outer, add_square

__all__ = ["CrossMoment", "SecondMoment"]

_BLOCK = 1024


class SecondMoment:
    """The mean of x x^T over tokens, float32 [width, width]; it takes that memory once."""

    def __init__(self, width: int) -> None:
        self._sum = np.zeros((width, width), np.float32, order="F")
        self._tokens = 0

    def add(self, x: np.ndarray) -> None:
        """Add the inputs of some tokens: float32 [tokens, width]."""
        self._sum = add_square(self._sum, x)
        self._tokens += x.shape[0]

    def take(self) -> np.ndarray:
        """Give the whole symmetric matrix away; this object is spent."""
        found = self._sum
        del self._sum
        # Only the upper triangle was summed.
        for start in range(0, found.shape[0], _BLOCK):
            stop = min(start + _BLOCK, found.shape[0])
            corner = found[start:stop, start:stop]
            corner[:] = np.triu(corner) + np.triu(corner, 1).T
            found[stop:, start:stop] = found[start:stop, stop:].T
        found /= max(1, self._tokens)
        return found


class CrossMoment:
    """The mean of d x^T over tokens, float32 [width, width]."""

    def __init__(self, width: int) -> None:
        self._sum = np.zeros((width, width), np.float32, order="F")
        self._tokens = 0

    def add(self, d: np.ndarray, x: np.ndarray) -> None:
        """Add the pairs of some tokens, both float32 [tokens, width]."""
        self._sum = add_outer(self._sum, d, x)
        self._tokens += x.shape[0]

    def take(self) -> np.ndarray:
        """Give the matrix away; this object is spent."""
        found = self._sum
        del self._sum
        found /= max(1, self._tokens)
        return found
