"""The stacked q, k and v hold the rows of the three, and the model gives the same logits."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ir_runner import run_ir
from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export import native
from tiny_models import TinyModels

PARTS = ("q_proj", "k_proj", "v_proj")
RECIPES = {
    "float": Recipe("bf16"),
    "int8": Recipe("int8"),
    "int8_asym": Recipe("int8", symmetric=False),
    "int4_g64": Recipe(group_size=64),
    "int4_asym": Recipe(group_size=64, symmetric=False),
    "int4_channel": Recipe(group_size=-1),
}


class _ApartModels(TinyModels):
    """Exports without the stacking."""

    def export(self, *args: Any, **wishes: Any) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native, "stack_qkv", lambda layer: layer)
            return super().export(*args, **wishes)


@pytest.fixture(scope="module")
def apart_models(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    """Read-only for the tests."""
    return _ApartModels(tmp_path_factory.mktemp("apart"))


def constants(folder: Path, at: str) -> dict[str, np.ndarray]:
    """Read the constants whose name begins so, as rows of raw bytes."""
    model = ov.Core().read_model(folder / "openvino_model.xml")
    return {
        name.removeprefix(at): op.data.view(np.uint8).reshape(op.get_output_shape(0)[0], -1)
        for op in model.get_ops()
        if op.get_type_name() == "Constant" and (name := op.get_friendly_name()).startswith(at)
    }


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("changes", [{}, {"attention_bias": False}], ids=["bias", "no_bias"])
def test_the_rows_are_those_of_the_three(
    tiny_models: TinyModels, apart_models: TinyModels, name: str, changes: dict[str, Any]
) -> None:
    whole = tiny_models.export(recipe=RECIPES[name], **changes)
    apart = apart_models.export(recipe=RECIPES[name], **changes)
    for layer in range(2):
        at = f"model.layers.{layer}.self_attn"
        stacked = constants(whole, f"{at}.qkv_proj.weight")
        three = [constants(apart, f"{at}.{part}.weight") for part in PARTS]
        assert stacked.keys() == three[0].keys() and "" in stacked
        for key, rows in stacked.items():
            assert np.array_equal(rows, np.concatenate([one[key] for one in three]))
    ids, mask = np.arange(20)[None] * 7, np.ones((1, 20), np.int64)
    ours, theirs = (run_ir(one, ids, mask, [18, 1, 1]) for one in (whole, apart))
    assert np.abs(ours - theirs).max() <= 1e-6 * np.ptp(theirs)


def test_matrices_in_different_formats_stay_apart(tiny_models: TinyModels) -> None:
    folder = tiny_models.export(recipe=Recipe(group_size=64, ratio=0.5), num_hidden_layers=4)
    counts: dict[str, dict[str, int]] = {}
    for one in read_manifest(folder).matrices:
        counts.setdefault(one.kind, {})[one.format] = one.matrices
    stacked = sum(counts.get("qkv_proj", {}).values())
    assert 0 < stacked < 4
    for part in PARTS:
        assert sum(counts[part].values()) == 4 - stacked
    assert len({form for part in PARTS for form in counts[part]}) == 2


@pytest.mark.parametrize("layout", ["glm", "chatglm", "glm4"])
def test_every_layer_of_one_format_has_one_matrix(tiny_models: TinyModels, layout: str) -> None:
    matrices = read_manifest(tiny_models.export(layout, Recipe(group_size=64))).matrices
    kinds = {one.kind: one.matrices for one in matrices}
    assert kinds["qkv_proj"] == 2
    assert not kinds.keys() & set(PARTS)
