"""BLAS and LAPACK in place, in float32: the only door to scipy.

numpy would copy: a second moment of GLM-4-9B's MLP alone takes 750 MB. Matrices are
Fortran-ordered; what is called x is C-ordered [tokens, width].
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

__all__ = ["add_outer", "add_square", "factor_lower", "invert_lower", "solve_factored"]


def add_square(total: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Add x^T x to the upper triangle of total [width, width]; returns total."""
    (syrk,) = get_blas_funcs(("syrk",), dtype=np.float32)
    # A C-ordered [tokens, width] is BLAS's [width, tokens]: no copy.
    return syrk(1.0, x.T, beta=1.0, c=total, overwrite_c=True)


def add_outer(total: np.ndarray, d: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Add d^T x to total [width, width]; returns total."""
    (gemm,) = get_blas_funcs(("gemm",), dtype=np.float32)
    return gemm(1.0, d.T, x.T, beta=1.0, c=total, trans_b=True, overwrite_c=True)


def factor_lower(matrix: np.ndarray) -> np.ndarray:
    """Turn a symmetric matrix into L with L L^T; raises LinAlgError where it is not positive."""
    (potrf,) = get_lapack_funcs(("potrf",), dtype=np.float32)
    lower, failed = potrf(matrix, lower=True, clean=True, overwrite_a=True)
    if failed or not np.isfinite(np.diagonal(lower)).all():
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return lower


def invert_lower(lower: np.ndarray) -> np.ndarray:
    """Turn a lower triangular matrix into its inverse."""
    (trtri,) = get_lapack_funcs(("trtri",), dtype=np.float32)
    return trtri(lower, lower=True, overwrite_c=True)[0]


def solve_factored(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve L L^T X = right, in the place of right."""
    (potrs,) = get_lapack_funcs(("potrs",), dtype=np.float32)
    return potrs(lower, right, lower=True, overwrite_b=True)[0]
