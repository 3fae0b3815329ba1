"""The solver rounds a matrix for the inputs that it gets, band by band of its rows."""

import numpy as np
import pytest

from ovglm.errors import ExportError
from ovglm.recipe import MatrixFormat
from ovglm_export.calibrated import solver
from ovglm_export.calibrated.gptq import Factor, damp, round_columns
from ovglm_export.calibrated.integers import Integers, search_scales
from ovglm_export.calibrated.moments import SecondMoment
from ovglm_export.calibrated.solver import Statistics, gather

ROWS, WIDTH, TOKENS = 48, 128, 600
Solved = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def inputs() -> np.ndarray:
    """Inputs whose channels depend on each other and differ in size, as a layer's do."""
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((TOKENS, WIDTH)) @ rng.standard_normal((WIDTH, WIDTH))
    return (mixed * np.exp(rng.standard_normal(WIDTH))).astype(np.float32)


@pytest.fixture
def matrix() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((ROWS, WIDTH)).astype(np.float32)


def solve(matrix: np.ndarray, factor: Factor, group: int, symmetric: bool) -> Integers:
    columns = np.ascontiguousarray(matrix.T)
    found = search_scales(columns, factor.energy, group, symmetric)
    round_columns(columns, factor, found)
    return found


def dense(found: Integers) -> np.ndarray:
    """Return the matrix that the integers stand for."""
    width, group = found.values.shape[0], found.group
    parts = []
    for at in range(width // group):
        values = found.values[at * group : (at + 1) * group].astype(np.float32)
        if found.zeros is not None:
            values -= found.zeros[at]
        parts.append(values * found.scales[at])
    return np.concatenate(parts).T


def plain(matrix: np.ndarray, group: int) -> np.ndarray:
    """Round each weight to its nearest number, with the scale of the largest."""
    grouped = matrix.reshape(ROWS, -1, group)
    low, high = grouped.min(-1, keepdims=True), grouped.max(-1, keepdims=True)
    scale = np.where(np.abs(low) >= high, np.abs(low), -high) / 8
    return (np.clip(np.rint(grouped / scale), -8, 7) * scale).reshape(matrix.shape)


def output_error(matrix: np.ndarray, found: np.ndarray, inputs: np.ndarray) -> float:
    return float(np.square(inputs @ (matrix - found).T).sum())


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("group", [32, 64, WIDTH])
def test_outputs_are_nearer_than_after_plain_rounding(
    inputs: np.ndarray, matrix: np.ndarray, group: int, symmetric: bool
) -> None:
    statistics = gather(iter([inputs[:400], inputs[400:]]), None)
    found = dense(solve(matrix, statistics.factor, group, symmetric))
    wanted = 0.35 * output_error(matrix, plain(matrix, group), inputs)
    assert output_error(matrix, found, inputs) < wanted


def test_values_and_zero_points_fit_into_four_bits(inputs: np.ndarray, matrix: np.ndarray) -> None:
    factor = gather(iter([inputs]), None).factor
    symmetric, shifted = (solve(matrix, factor, 32, one) for one in (True, False))
    assert (symmetric.values.min(), symmetric.values.max()) == (-8, 7)
    assert shifted.zeros is not None
    assert (shifted.values.min(), shifted.values.max()) == (0, 15)
    assert 0 <= shifted.zeros.min() <= shifted.zeros.max() <= 15
    for one in (symmetric, shifted):
        np.testing.assert_array_equal(one.scales, one.scales.astype(np.float16))


def test_the_second_moment_is_the_mean_square_of_all_tokens(inputs: np.ndarray) -> None:
    moment = SecondMoment(WIDTH)
    for start in range(0, TOKENS, 150):
        moment.add(inputs[start : start + 150])
    wanted = inputs.T.astype(np.float64) @ inputs / TOKENS
    np.testing.assert_allclose(moment.take(), wanted, rtol=1e-4, atol=1e-4 * wanted.max())


def test_the_factor_is_a_root_of_the_inverse(inputs: np.ndarray) -> None:
    moment = (inputs.T @ inputs / TOKENS).astype(np.float32)
    factor = Factor.of(moment)
    damp(moment)
    ordered = moment[np.ix_(factor.order, factor.order)]
    product = factor.upper.T.astype(np.float64) @ factor.upper @ ordered
    np.testing.assert_allclose(product, np.eye(WIDTH), atol=1e-3)
    assert not np.tril(factor.upper, -1).any()
    assert (np.diff(np.diagonal(moment)[factor.order]) <= 0).all()


def test_errors_of_earlier_matrices_are_mended(inputs: np.ndarray, matrix: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    spoilt = inputs @ (np.eye(WIDTH) + 0.05 * rng.standard_normal((WIDTH, WIDTH)))
    spoilt = spoilt.astype(np.float32)
    statistics = gather(iter([spoilt]), iter([inputs]))
    assert statistics.correction is not None
    mended = matrix + matrix @ statistics.correction

    def distance(weights: np.ndarray) -> float:
        return float(np.square(spoilt @ weights.T - inputs @ matrix.T).sum())

    assert distance(mended) < 0.05 * distance(matrix)
    aware, blind = (dense(solve(one, statistics.factor, 32, True)) for one in (mended, matrix))
    assert distance(aware) < 0.5 * distance(blind)


def test_channels_without_any_input_are_no_obstacle(inputs: np.ndarray, matrix: np.ndarray) -> None:
    inputs[:, :40] = 0
    found = dense(solve(matrix, gather(iter([inputs]), None).factor, 32, True))
    assert np.isfinite(found).all()
    assert output_error(matrix, found, inputs) < output_error(matrix, plain(matrix, 32), inputs)


def test_a_matrix_of_zeros_stays_one(inputs: np.ndarray) -> None:
    factor = gather(iter([inputs]), None).factor
    for symmetric in (True, False):
        assert not dense(solve(np.zeros((4, WIDTH), np.float32), factor, 32, symmetric)).any()


def test_inputs_that_are_not_finite_are_refused(inputs: np.ndarray) -> None:
    inputs[3, 5] = np.inf
    with pytest.raises(ExportError, match="not finite"):
        gather(iter([inputs]), None)


def test_bands_of_rows_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    inputs: np.ndarray,
    matrix: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statistics = gather(iter([inputs]), None)
    whole = constants(matrix, statistics, tmp_path_factory)
    monkeypatch.setattr(solver, "_BAND_VALUES", 10 * WIDTH)
    assert constants(matrix, statistics, tmp_path_factory) == whole


def constants(
    matrix: np.ndarray, statistics: Statistics, folders: pytest.TempPathFactory
) -> list[bytes]:
    """Solve a matrix and return the bytes of the tables."""
    from ovglm_export.checkpoint import Weight

    path = folders.mktemp("tables") / "matrix"
    wanted = MatrixFormat("int4", symmetric=False, group_size=32)
    alive: list[np.ndarray] = []
    solver.solve_matrix(Weight(matrix, "F32"), wanted, statistics, path).node("matrix", alive)
    return [one.tobytes() for one in alive]
