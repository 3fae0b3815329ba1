"""Solves the matrices of one stage: from the inputs that flow through them to INT4 tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ovglm.recipe import MatrixFormat
from ovglm_export.calibrated.blas import factor_lower, solve_factored
from ovglm_export.calibrated.gptq import Factor, damp, round_columns
from ovglm_export.calibrated.integers import search_scales
from ovglm_export.calibrated.moments import CrossMoment, SecondMoment
from ovglm_export.checkpoint import Weight
from ovglm_export.compress import MatrixTables

__all__ = ["Statistics", "gather", "solve_matrix"]

# Values of a band of rows while it is solved; three float32 copies of it are held.
_BAND_VALUES = 8 << 20


@dataclass(frozen=True)
class Statistics:
    """What a stage's inputs tell of it.

    factor: of the inputs' second moment. correction: D [width, width], so that W + W D multiplies
    the inputs that come to what W made of the original ones, as near as a matrix can; None where
    the original ones are not followed.
    """

    factor: Factor
    correction: np.ndarray | None


def gather(
    inputs: Iterator[np.ndarray], originals: Iterator[np.ndarray] | None, strength: float = 1.0
) -> Statistics:
    """Run through the inputs of a stage, float32 [tokens, width] each.

    originals: the same of the uncompressed model. Then the errors that earlier matrices made are
    mended too: the target goes from W by `strength` of the way to the least-squares one,
    W E[x' x^T] E[x x^T]^-1 with x' the original input, as in "Quantization Error Propagation"
    (Arai and Ichikawa, 2025).
    """
    moment: SecondMoment | None = None
    cross: CrossMoment | None = None
    for x in inputs:
        moment = moment or SecondMoment(x.shape[1])
        moment.add(x)
        if originals is not None:
            cross = cross or CrossMoment(x.shape[1])
            cross.add(next(originals) - x, x)
    for _ in originals or ():
        pass  # a stage is to be run to its end
    assert moment is not None
    second = moment.take()
    correction = None if cross is None else strength * _correction(cross.take(), second)
    return Statistics(Factor.of(second), correction)


def _correction(cross: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Solve D H = C for D, with H damped as GPTQ damps it."""
    copy = np.array(moment, order="F")
    damp(copy)
    lower = factor_lower(copy)
    return solve_factored(lower, np.asfortranarray(cross.T)).T


def solve_matrix(
    weight: Weight, wanted: MatrixFormat, statistics: Statistics, path: Path
) -> MatrixTables:
    """Round a matrix [rows, width] to INT4, band by band of rows.

    path: where large tables may lie, a file name without its ending.
    """
    tables = MatrixTables(weight.shape, wanted, path)
    rows, width = weight.shape
    group = width if wanted.group_size == -1 else wanted.group_size
    step = max(2, _BAND_VALUES // width // 2 * 2)
    for start in range(0, rows, step):
        band = Weight(weight.data[start : start + step], weight.dtype).as_float32()
        if statistics.correction is not None:
            band = band + band @ statistics.correction
        columns = np.ascontiguousarray(band.T)
        found = search_scales(columns, statistics.factor.energy, group, wanted.symmetric)
        round_columns(columns, statistics.factor, found)
        zeros = None if found.zeros is None else found.zeros.T
        tables.append_rows(found.values.T, found.scales.T, zeros)
    return tables
