"""The sizes that are computed before anything is downloaded."""

import pytest

from ovglm.models import CATALOGUE, Shape
from ovglm.recipe import MatrixFormat, Recipe
from ovglm.weight_sizes import (
    EMBEDDING,
    HEAD,
    checkpoint_bytes,
    count_parameters,
    export_bytes,
    matrix_shapes,
    planned_formats,
    stored_bytes,
)

TINY = Shape(256, 512, 2, 4, 2, 1000, 2048, head_dim=64)
TIED = Shape(256, 512, 2, 4, 2, 1000, 2048, head_dim=64, tied=True)


@pytest.mark.parametrize(
    ("name", "size"),
    # The tensors' bytes as public model indexes list them; `ZhipuAI` on ModelScope in GiB.
    [
        ("glm-4-9b-chat-hf", 18_799_902_720),
        ("glm-4-9b-chat-1m-hf", 17.7 * 2**30),
        ("glm-edge-1.5b-chat", 3.0 * 2**30),
        ("glm-edge-4b-chat", 8.1 * 2**30),
        ("glm-4-32b-base-0414", 60.7 * 2**30),
        ("glm-z1-rumination-32b-0414", 61.8 * 2**30),
    ],
)
def test_a_download_has_the_published_size(name: str, size: float) -> None:
    rounding = 0 if isinstance(size, int) else 0.012
    assert checkpoint_bytes(CATALOGUE[name].shape) == pytest.approx(size, rel=rounding)


def test_the_32b_has_the_parameters_that_llama_cpp_counts() -> None:
    assert f"{count_parameters(CATALOGUE['glm-z1-32b-0414'].shape) / 1e9:.2f}" == "32.57"


@pytest.mark.parametrize(
    ("one", "size"),
    [
        (MatrixFormat("float"), 10 * 256 * 2),
        (MatrixFormat("int8"), 10 * 256 + 10 * 2),
        (MatrixFormat("int8", symmetric=False), 10 * 256 + 10 * 2 + 10),
        (MatrixFormat("int4", group_size=128), 10 * 128 + 20 * 2),
        (MatrixFormat("int4", group_size=-1), 10 * 128 + 10 * 2),
        (MatrixFormat("int4", symmetric=False, group_size=128), 10 * 128 + 20 * 2 + 10),
    ],
)
def test_a_matrix_takes_its_values_scales_and_zero_points(one: MatrixFormat, size: int) -> None:
    assert stored_bytes((10, 256), one) == size


def test_a_tied_head_is_stored_once() -> None:
    assert HEAD in matrix_shapes(TINY) and HEAD not in matrix_shapes(TIED)
    table = 1000 * 256
    assert count_parameters(TINY) - count_parameters(TIED) == table
    formats = planned_formats(TIED, Recipe())
    saved = export_bytes(TINY, planned_formats(TINY, Recipe())) - export_bytes(TIED, formats)
    assert saved == stored_bytes((1000, 256), formats[EMBEDDING])
