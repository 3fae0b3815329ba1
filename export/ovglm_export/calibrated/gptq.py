"""GPTQ: rounds a matrix column by column, each column mending the errors of those before it.

Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", 2022. Columns go in the order of falling activation energy, with scales chosen
beforehand, so groups stay where the format wants them. Written here and not taken from NNCF
because NNCF knows no such order, keeps all activations of a layer in memory, and updates the whole
rest of a matrix after every 128 columns of a loop over small operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ovglm.errors import ExportError
from ovglm_export.calibrated.blas import factor_lower, invert_lower
from ovglm_export.calibrated.integers import Integers

__all__ = ["Factor", "damp", "round_columns"]

# The share of the mean energy that is added to every column's, so that the moment is invertible.
DAMPING = 0.01
# Keeps a stage whose inputs are all zero solvable.
_FLOOR = np.float32(1e-10)
_LEAF = 8
# Rows, and numbers, that are moved at a time.
_BLOCK, _PIECE = 256, 1 << 22


@dataclass(frozen=True)
class Factor:
    """What GPTQ needs of the inputs' second moment H, which several matrices may share.

    order: columns by falling energy. upper: U [width, width] with U^T U = (H + damping)^-1, in
    that order. energy: the diagonal of H in the matrix's own order, [width].
    """

    order: np.ndarray
    upper: np.ndarray
    energy: np.ndarray

    @staticmethod
    def of(moment: np.ndarray) -> Factor:
        """Factor a second moment, float32 [width, width], Fortran-ordered.

        Of the matrix in reversed order, J H J = L L^T; hence U = J L^-1 J is the wanted one, and
        the inverse itself is never formed.
        """
        energy = np.diagonal(moment).copy()
        order = np.argsort(-energy, kind="stable")
        turned = _reordered(moment, order[::-1])
        damping = damp(turned)
        lower = invert_lower(factor_lower(turned))
        _turn_round(lower)
        return Factor(order, lower, energy + damping)


def damp(moment: np.ndarray) -> np.float32:
    """Add a share of a moment's mean energy to every column's, in place; return it."""
    damping = np.float32(DAMPING) * np.diagonal(moment).mean() + _FLOOR
    if not np.isfinite(damping):
        raise ExportError(
            "the calibration text gives a layer inputs that are not finite",
            "give other text with --calibration FILE, or use --quality fast",
        )
    moment[np.diag_indices_from(moment)] += damping
    return damping


def _reordered(moment: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Copy a symmetric matrix with rows and columns in another order; Fortran-ordered both."""
    rows = moment.T[order]
    for start in range(0, len(order), _BLOCK):
        block = rows[start : start + _BLOCK]
        block[:] = block[:, order]
    return rows.T


def _turn_round(matrix: np.ndarray) -> None:
    """Reverse rows and columns in place: what lies flat in memory is reversed."""
    flat = matrix.reshape(-1, order="F")
    size = flat.size
    for start in range(0, size // 2, _PIECE):
        stop = min(start + _PIECE, size // 2)
        front = flat[start:stop].copy()
        flat[start:stop] = flat[size - stop : size - start][::-1]
        flat[size - stop : size - start] = front[::-1]


def round_columns(columns: np.ndarray, factor: Factor, target: Integers) -> None:
    """Round all columns into target, whose scales are chosen already.

    columns: float32 [width, rows], in the matrix's own order.
    """
    wanted = columns[factor.order]
    errors = np.empty_like(wanted)
    _Rounding(wanted, errors, factor, target).run(0, wanted.shape[0])


class _Rounding:
    """One run of GPTQ; halves the columns until few are left, so that nearly all work is matmul."""

    def __init__(
        self, wanted: np.ndarray, errors: np.ndarray, factor: Factor, target: Integers
    ) -> None:
        self._wanted = wanted
        self._errors = errors
        self._factor = factor
        self._target = target

    def run(self, start: int, stop: int) -> None:
        """Round columns start:stop; those from stop on do not know of their errors yet."""
        if stop - start <= _LEAF:
            self._run_leaf(start, stop)
            return
        middle = (start + stop) // 2
        self.run(start, middle)
        shares = self._factor.upper[start:middle, middle:stop]
        self._wanted[middle:stop] -= shares.T @ self._errors[start:middle]
        self.run(middle, stop)

    def _run_leaf(self, start: int, stop: int) -> None:
        upper, order = self._factor.upper, self._factor.order
        for at in range(start, stop):
            error = self._errors[at]
            np.subtract(
                self._wanted[at],
                self._target.round_column(int(order[at]), self._wanted[at]),
                out=error,
            )
            error /= upper[at, at]
            for later in range(at + 1, stop):
                self._wanted[later] -= upper[at, later] * error
