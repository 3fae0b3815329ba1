"""INT4 numbers of a band of rows: scales chosen by a search, values rounded to them.

Everything is transposed, [width, rows]: a solver works through the columns of a matrix, and so
each of them is contiguous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Integers", "search_scales"]

# The shares of a group's range that are tried as its clipping point. Below 0.6 none was ever
# chosen on nano; above 1 the rounding of the largest value to 7 or -8 leaves room.
_SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)
_TINY = np.float32(1e-8)


@dataclass
class Integers:
    """Values [width, rows] with a scale, and where asymmetric a zero point, per group and row.

    values: int8, -8..7 where symmetric, else 0..15; scales: float32 that float16 holds exactly,
    [groups, rows]; zeros: float32 [groups, rows] or None; group: columns that share a scale.
    """

    values: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray | None
    group: int

    def round_column(self, at: int, wanted: np.ndarray) -> np.ndarray:
        """Round a column [rows] to its nearest numbers, keep them, and return what they stand for.

        The result is float32 [rows].
        """
        group = at // self.group
        scale = self.scales[group]
        number = wanted / scale
        if self.zeros is None:
            np.rint(number, out=number)
            np.clip(number, -8, 7, out=number)
            self.values[at] = number
        else:
            number += self.zeros[group]
            np.rint(number, out=number)
            np.clip(number, 0, 15, out=number)
            self.values[at] = number
            number -= self.zeros[group]
        number *= scale
        return number

    def levels(self, start: int, stop: int) -> np.ndarray:
        """Return the numbers less their zero points: float32 [columns, rows] of one group."""
        found = self.values[start:stop].astype(np.float32)
        return found if self.zeros is None else found - self.zeros[start // self.group]

    def dense(self, start: int, stop: int) -> np.ndarray:
        """Return what columns of one group stand for: float32 [columns, rows]."""
        return self.levels(start, stop) * self.scales[start // self.group]


def search_scales(
    columns: np.ndarray, weights: np.ndarray, group: int, symmetric: bool
) -> Integers:
    """Choose for each group and row the scale that rounds best; the values are still zeros.

    columns: float32 [width, rows]; weights: [width], the mean square of each column's input, so
    that the error counts as it does in the output. Tried are shares of the group's range, as in
    OmniQuant's and AWQ's clipping.
    """
    width, rows = columns.shape
    groups = width // group
    scales = np.empty((groups, rows), np.float32)
    zeros = None if symmetric else np.empty((groups, rows), np.float32)
    for at in range(groups):
        cut = slice(at * group, (at + 1) * group)
        scale, zero = _search_group(columns[cut], weights[cut, None], symmetric)
        scales[at] = scale
        if zeros is not None:
            zeros[at] = zero
    return Integers(np.zeros((width, rows), np.int8), scales, zeros, group)


def _search_group(
    columns: np.ndarray, weights: np.ndarray, symmetric: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Search one group [group, rows]; returns scales and zero points [rows]."""
    low, high = columns.min(0), columns.max(0)
    rows = columns.shape[1]
    best = np.full(rows, np.inf, np.float32)
    scale, zero = np.ones(rows, np.float32), np.zeros(rows, np.float32)
    buffer = np.empty_like(columns)
    for share in _SHARES:
        tried, shift = _scale_of(low * share, high * share, symmetric)
        error = _error(columns, weights, (tried, shift), symmetric, buffer)
        better = error < best
        best[better] = error[better]
        scale[better], zero[better] = tried[better], shift[better]
    return scale, zero


def _scale_of(low: np.ndarray, high: np.ndarray, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """Make scale and zero point of a range, as NNCF does.

    Symmetric: the end of larger magnitude becomes -8, so a scale may be negative.
    """
    if symmetric:
        scale = np.where(np.abs(low) >= high, np.abs(low), -high) / np.float32(8)
    else:
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        scale = (high - low) / np.float32(15)
    scale = np.where(np.abs(scale) < _TINY, _TINY, scale).astype(np.float16).astype(np.float32)
    # What float16 cannot hold would divide by zero.
    scale = np.where(scale == 0, np.float32(np.finfo(np.float16).tiny), scale)
    if symmetric:
        return scale, np.zeros_like(scale)
    return scale, np.clip(np.rint(-low / scale), 0, 15)


def _error(
    columns: np.ndarray,
    weights: np.ndarray,
    chosen: tuple[np.ndarray, np.ndarray],
    symmetric: bool,
    buffer: np.ndarray,
) -> np.ndarray:
    """Return the weighted square error of rounding: [rows]."""
    scale, zero = chosen
    np.divide(columns, scale, out=buffer)
    if symmetric:
        np.rint(buffer, out=buffer)
        np.clip(buffer, -8, 7, out=buffer)
    else:
        buffer += zero
        np.rint(buffer, out=buffer)
        np.clip(buffer, 0, 15, out=buffer)
        buffer -= zero
    buffer *= scale
    buffer -= columns
    np.square(buffer, out=buffer)
    return np.einsum("gr,g->r", buffer, weights[:, 0])
