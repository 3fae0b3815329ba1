"""The sizes of towers, and of the catalogue's models that have one."""

from dataclasses import replace

import pytest

from machines import CORE_CPU, LUNAR_NPU
from ovglm.models import CATALOGUE, find_entry
from ovglm.models.abilities import abilities_of
from ovglm.models.forecast import RECIPES, forecast
from ovglm.recipe import WeightFormat
from ovglm.vision_sizes import (
    TowerShape,
    count_tower_parameters,
    tensor_names,
    tensor_shape,
    tower_matrices,
    vision_bytes,
    vision_formats,
)

TINY = TowerShape(56, 14, 96, 136, 2, 160, 128, has_class_vector=False, has_final_norm=True)
WITH_CLASS = replace(TINY, has_class_vector=True, has_final_norm=False)


@pytest.mark.parametrize(
    ("name", "billions"), [("glm-edge-v-2b", 2.1), ("glm-edge-v-5b", 4.8), ("glm-4v-9b", 13.9)]
)
def test_a_model_with_a_tower_has_the_parameters_that_its_name_and_the_hub_tell(
    name: str, billions: float
) -> None:
    assert round(CATALOGUE[name].parameters / 1e9, 1) == billions
    assert CATALOGUE[name].download_bytes == 2 * CATALOGUE[name].parameters


@pytest.mark.parametrize(
    ("name", "side", "vectors"),
    [("glm-edge-v-2b", 672, 578), ("glm-edge-v-5b", 672, 578), ("glm-4v-9b", 1120, 1602)],
)
def test_a_picture_becomes_as_many_vectors_as_the_vendors_count(
    name: str, side: int, vectors: int
) -> None:
    entry = CATALOGUE[name]
    assert entry.tower and (entry.tower.image_size, entry.tower.vectors) == (side, vectors)
    assert entry.tower.output_size == entry.shape.hidden_size
    assert abilities_of(entry).pictures and not entry.is_base


@pytest.mark.parametrize("name", ["THUDM/glm-edge-v-2b", "ZhipuAI/glm-4v-9b", "GLM-Edge-V-5B"])
def test_they_are_found_under_every_organisation_s_name(name: str) -> None:
    entry = find_entry(name)
    assert entry is not None and entry.tower is not None


@pytest.mark.parametrize("weights", RECIPES)
def test_a_forecast_counts_the_tower_in_int8_whatever_the_text_is(weights: WeightFormat) -> None:
    entry = CATALOGUE["glm-edge-v-2b"]
    assert entry.tower is not None
    told = forecast(entry, weights, (CORE_CPU, LUNAR_NPU))
    text = forecast(replace(entry, tower=None), weights, (CORE_CPU, LUNAR_NPU))
    tower = vision_bytes(entry.tower, "int8")
    assert told.disk_bytes - text.disk_bytes == tower
    assert told.memory_bytes - text.memory_bytes > tower
    assert told.fits[0].memory_bytes > text.fits[0].memory_bytes


def test_int8_takes_about_half_of_bf16_and_f32_twice() -> None:
    tower = CATALOGUE["glm-edge-v-2b"].tower
    assert tower is not None
    small, middle, large = (vision_bytes(tower, one) for one in ("int8", "bf16", "f32"))
    assert 0.5 < small / middle < 0.52
    positions = 4 * tower.length * tower.hidden_size
    assert large - positions == 2 * (middle - positions)


@pytest.mark.parametrize("tower", [TINY, WITH_CLASS], ids=["plain", "with class vector"])
def test_the_matrices_hold_all_weights_but_vectors(tower: TowerShape) -> None:
    matrices = sum(rows * columns for rows, columns in tower_matrices(tower).values())
    shapes = {name: tensor_shape(tower, name) for name in tensor_names(tower)}
    vectors = sum(shape[0] for shape in shapes.values() if len(shape) == 1)
    table = tower.length * tower.hidden_size
    assert count_tower_parameters(tower) == matrices + vectors + table
    assert tower_matrices(tower).keys() == vision_formats(tower, "int8").keys()
    assert ("vision.class_vector" in shapes) is tower.has_class_vector
    assert ("vision.final_norm.bias" in shapes) is tower.has_final_norm
