"""The sizes in the catalogue are those that an export and a checkpoint really have."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ovglm.manifest import read_manifest
from ovglm.models import CATALOGUE
from ovglm.models.forecast import RECIPES, forecast
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe, WeightFormat
from ovglm.weight_sizes import export_bytes, planned_formats
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import export_checkpoint

# What the graph's own small constants and the rotary table take.
GRAPH_BYTES = 1024
CASES = [
    ("glm", Recipe()),
    ("chatglm", Recipe()),
    ("glm4", Recipe()),
    ("glm", Recipe(weights="int8")),
    ("glm", Recipe(weights="bf16")),
    ("glm", Recipe(group_size=32, symmetric=False)),
    ("glm", Recipe(group_size=-1)),
    ("glm", Recipe(weights="int8", symmetric=False)),
    ("glm", Recipe(lm_head="int4")),
]


def _weights_size(folder: Path) -> int:
    return read_manifest(folder).files["openvino_model.bin"].size


@pytest.mark.parametrize(("layout", "recipe"), CASES, ids=lambda one: getattr(one, "name", one))
def test_an_export_has_the_computed_size(layout: str, recipe: Recipe, tiny_models: Any) -> None:
    folder = tiny_models.export(layout, recipe)
    shape = open_checkpoint(tiny_models.checkpoint(layout)).architecture
    surplus = _weights_size(folder) - export_bytes(shape, planned_formats(shape, recipe))
    assert 0 <= surplus <= GRAPH_BYTES


@pytest.mark.parametrize("weights", RECIPES)
def test_nano_has_the_size_that_the_catalogue_tells(weights: WeightFormat, tmp_path: Path) -> None:
    export_checkpoint(checkpoint_folder(), tmp_path / "nano", Recipe(weights=weights))
    told = forecast(CATALOGUE["nano"], weights, []).disk_bytes
    assert 0 <= _weights_size(tmp_path / "nano") - told <= GRAPH_BYTES


@pytest.mark.parametrize("model", ["nano", "nano-v"])
def test_a_shipped_model_has_the_shape_of_its_checkpoint(model: str) -> None:
    opened, entry = open_checkpoint(checkpoint_folder(model)), CATALOGUE[model]
    arch, shape, tower = opened.architecture, entry.shape, entry.tower
    for name in ("hidden_size", "intermediate_size", "layers", "heads", "kv_heads", "head_dim",
                 "vocab_size", "qkv_bias", "tied", "extra_norms"):  # fmt: skip
        assert getattr(arch, name) == getattr(shape, name)
    assert arch.max_positions == shape.context_length
    if tower and opened.vision:
        for field in fields(tower):
            assert getattr(opened.vision, field.name) == getattr(tower, field.name)
    assert bool(tower) == bool(opened.vision)
    assert 0 < opened.size_bytes - 2 * entry.parameters < 20_000
