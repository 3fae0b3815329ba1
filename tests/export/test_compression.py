"""Compression layer by layer and band by band gives the bits that NNCF gives on the whole model."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino as ov
import pytest
from nncf import BackupMode, CompressWeightsMode

from ir_runner import run_ir
from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export import compress, native
from ovglm_export.pipeline import export_checkpoint
from tiny_models import TinyModels

ModelBits = dict[str, tuple[str, tuple[int, ...], bytes]]
HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"
# All widths are multiples of 128.
SIZES: dict[str, Any] = {"hidden_size": 256, "intermediate_size": 384}
# A ratio needs something to choose from.
DEEP: dict[str, Any] = {**SIZES, "num_hidden_layers": 3}
INT4, INT4_ASYM = CompressWeightsMode.INT4_SYM, CompressWeightsMode.INT4_ASYM
# Our recipe and the arguments that ask NNCF for the same.
RECIPES: dict[str, tuple[Recipe, dict[str, Any]]] = {
    "int4_g128": (Recipe(), {"mode": INT4, "group_size": 128}),
    "int4_g64": (Recipe(group_size=64), {"mode": INT4, "group_size": 64}),
    "int4_channel": (Recipe(group_size=-1), {"mode": INT4, "group_size": -1}),
    "int4_asym_g64": (
        Recipe(group_size=64, symmetric=False), {"mode": INT4_ASYM, "group_size": 64},
    ),
    "int8_sym": (Recipe("int8"), {"mode": CompressWeightsMode.INT8_SYM}),
    "int8_asym": (Recipe("int8", symmetric=False), {"mode": CompressWeightsMode.INT8_ASYM}),
}  # fmt: skip
BACKUPS = {
    "int8_asym": BackupMode.INT8_ASYM,
    "int8_sym": BackupMode.INT8_SYM,
    "none": BackupMode.NONE,
}


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyModels]:
    """Exports whose q, k and v stay apart, so that NNCF sees what the exporter compresses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "stack_qkv", lambda layer: layer)
        yield TinyModels(tmp_path_factory.mktemp("apart"))


def model_bits(model: ov.Model) -> ModelBits:
    """Collect the constants that make up the matrices: type, shape and raw bytes by name."""
    return {
        op.get_friendly_name(): (
            op.get_element_type().get_type_name(),
            tuple(op.get_output_shape(0)),
            op.tensor_view.data.tobytes(),
        )
        for op in model.get_ops()
        if isinstance(op, ov.op.Constant) and ".weight" in op.get_friendly_name()
    }


def folder_bits(folder: Path) -> ModelBits:
    return model_bits(ov.Core().read_model(folder / "openvino_model.xml"))


def compress_whole(folder: Path, **wishes: Any) -> ov.Model:
    """Let NNCF compress a whole unquantised export."""
    with contextlib.redirect_stdout(io.StringIO()):
        model = ov.Core().read_model(folder / "openvino_model.xml")
        return nncf.compress_weights(model, **wishes)


def int4_names(bits: ModelBits) -> set[str]:
    return {name for name, (kind, *_) in bits.items() if kind in ("i4", "u4")}


def check_equal(ours: ModelBits, theirs: ModelBits) -> None:
    assert {name: entry[:2] for name, entry in ours.items()} == {
        name: entry[:2] for name, entry in theirs.items()
    }
    assert [name for name in ours if ours[name] != theirs[name]] == []


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_bits_equal_nncf_on_the_whole_model(tiny_models: Any, name: str, tied: bool) -> None:
    recipe, wishes = RECIPES[name]
    sizes = {**SIZES, "tie_word_embeddings": tied}
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    ours = folder_bits(tiny_models.export(recipe=recipe, **sizes))
    check_equal(ours, theirs)
    assert len(int4_names(ours)) >= (12 if recipe.weights == "int4" else 0)
    assert (HEAD in ours) is not tied


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("int4_g128", "f16"), ("int8_sym", "f16"), ("int4_asym_g64", "f32"), ("int8_asym", "f32")],
)
def test_bits_equal_nncf_from_other_types(tiny_models: Any, name: str, dtype: str) -> None:
    recipe, wishes = RECIPES[name]
    sizes = {**SIZES, "dtype": dtype}
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    check_equal(folder_bits(tiny_models.export(recipe=recipe, **sizes)), theirs)


@pytest.mark.parametrize(
    ("layout", "backup"),
    [
        ("glm", "int8_asym"), ("glm", "int8_sym"), ("glm", "none"),
        ("glm4", "int8_asym"), ("chatglm", "none"),
    ],
)  # fmt: skip
def test_a_ratio_chooses_the_matrices_that_nncf_chooses(
    tiny_models: Any, layout: str, backup: Any
) -> None:
    wishes = {"mode": INT4, "group_size": 64, "ratio": 0.6, "backup_mode": BACKUPS[backup]}
    theirs = model_bits(compress_whole(tiny_models.export(layout, **DEEP), **wishes))
    recipe = Recipe(group_size=64, ratio=0.6, backup=backup)
    ours = folder_bits(tiny_models.export(layout, recipe, **DEEP))
    check_equal(ours, theirs)
    assert 5 < len(int4_names(ours)) < 18


@pytest.mark.parametrize(
    ("ratio", "tied"), [(0.01, False), (0.3, True), (0.5, False), (0.8, True), (0.99, False)]
)
def test_any_ratio_chooses_as_nncf_does(tiny_models: Any, ratio: float, tied: bool) -> None:
    sizes = {**DEEP, "tie_word_embeddings": tied, "seed": 3}
    wishes = {"mode": INT4_ASYM, "group_size": 128, "ratio": ratio}
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    recipe = Recipe(symmetric=False, ratio=ratio)
    check_equal(folder_bits(tiny_models.export(recipe=recipe, **sizes)), theirs)


def test_a_head_in_int4_equals_nncf_on_all_layers(tiny_models: Any) -> None:
    wishes = {"mode": INT4, "group_size": 128, "all_layers": True}
    theirs = model_bits(compress_whole(tiny_models.export(**SIZES), **wishes))
    ours = folder_bits(tiny_models.export(recipe=Recipe(lm_head="int4"), **SIZES))
    assert ours[HEAD][0] == "i4"
    assert ours[EMBEDDING][0] == "u8"
    # NNCF knows no INT4 head without an INT4 embedding.
    check_equal(
        *(
            {name: one for name, one in bits.items() if not name.startswith(EMBEDDING)}
            for bits in (ours, theirs)
        )
    )


@pytest.mark.parametrize("name", ["int4_asym_g64", "int8_sym"])
def test_logits_equal_those_of_nncfs_model(tiny_models: Any, tmp_path: Path, name: str) -> None:
    recipe, wishes = RECIPES[name]
    whole = compress_whole(tiny_models.export(**SIZES), **wishes)
    ov.save_model(whole, tmp_path / "openvino_model.xml", compress_to_fp16=False)
    ids, mask = np.arange(20)[None] * 7, np.ones((1, 20), np.int64)
    theirs = run_ir(tmp_path, ids, mask, [18, 1, 1])
    ours = run_ir(tiny_models.export(recipe=recipe, **SIZES), ids, mask, [18, 1, 1])
    assert np.abs(ours - theirs).max() <= 1e-5 * np.ptp(theirs)


@pytest.mark.parametrize("name", ["int4_g64", "int4_asym_g64", "int8_sym", "int8_asym"])
def test_bands_of_rows_equal_one_band(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    recipe, _ = RECIPES[name]
    # Bands of 100 rows at the width 128; what is left of 333 rows is too small for a band.
    sizes = {"vocab_size": 333, "num_attention_heads": 3, "num_key_value_heads": 1}
    whole = tiny_models.export(recipe=recipe, **sizes)
    monkeypatch.setattr(compress, "_BAND_VALUES", 100 * 128)
    export_checkpoint(tiny_models.checkpoint(**sizes), tmp_path / "bands", recipe)
    check_equal(folder_bits(tmp_path / "bands"), folder_bits(whole))


@pytest.mark.parametrize("name", RECIPES)
def test_small_and_odd_matrices_equal_nncf(tiny_models: Any, name: str) -> None:
    recipe, wishes = RECIPES[name]
    group = recipe.group_size
    # Below 10,000 values NNCF computes in another way; odd counts end with half a byte.
    odd = {"hidden_size": 69, "intermediate_size": 57, "vocab_size": 301, "head_dim": 6}
    odd |= {"num_attention_heads": 3, "num_key_value_heads": 1, "partial_rotary_factor": 1.0}
    even = {"hidden_size": 128, "intermediate_size": 128, "num_key_value_heads": 1}
    sizes = odd if group == -1 or recipe.weights == "int8" else even
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    check_equal(folder_bits(tiny_models.export(recipe=recipe, **sizes)), theirs)


def test_large_tables_in_mapped_files_equal_those_in_memory(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(symmetric=False, group_size=64)
    monkeypatch.setattr(compress, "_MAPPED_BYTES", 1)
    export_checkpoint(tiny_models.checkpoint(**SIZES), tmp_path / "mapped", recipe)
    check_equal(
        folder_bits(tmp_path / "mapped"), folder_bits(tiny_models.export(recipe=recipe, **SIZES))
    )


def test_bands_do_not_change_the_choice_of_a_ratio(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(group_size=64, ratio=0.6)
    monkeypatch.setattr(compress, "_BAND_VALUES", 100 * 128)
    export_checkpoint(tiny_models.checkpoint(**DEEP), tmp_path / "bands", recipe)
    check_equal(
        folder_bits(tmp_path / "bands"), folder_bits(tiny_models.export(recipe=recipe, **DEEP))
    )


def test_an_undivided_width_gets_the_largest_power_of_two(tiny_models: Any) -> None:
    sizes = {"hidden_size": 192, "intermediate_size": 288, "head_dim": 64}
    folder = tiny_models.export(recipe=Recipe(), **sizes)
    advanced = nncf.AdvancedCompressionParameters(
        group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST
    )
    wishes = {"mode": INT4, "group_size": 128, "advanced_parameters": advanced}
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    ours = folder_bits(folder)
    check_equal(ours, theirs)
    shapes = {name.split(".")[-2]: ours[name][1] for name in int4_names(ours)}
    assert shapes["q_proj"][-1] == shapes["gate_up_proj"][-1] == 64
    assert shapes["down_proj"][-1] == 32
    assert shapes["o_proj"][-1] == 128
    notes = " ".join(read_manifest(folder).notes)
    for name in ("q_proj", "k_proj", "v_proj", "gate_up_proj", "down_proj"):
        assert f"model.layers.1.{name}" in notes.replace("self_attn.", "").replace("mlp.", "")
    assert "o_proj" not in notes


def test_a_width_without_a_legal_group_goes_per_channel_and_is_named(tiny_models: Any) -> None:
    sizes = {"hidden_size": 136, "intermediate_size": 201, "num_attention_heads": 4}
    folder = tiny_models.export(recipe=Recipe(), **sizes)
    wishes = {"mode": INT4, "group_size": -1}
    theirs = model_bits(compress_whole(tiny_models.export(**sizes), **wishes))
    ours = folder_bits(folder)
    shapes = {name.split(".")[-2]: ours[name][1] for name in int4_names(ours)}
    assert shapes["q_proj"] == (256, 136)
    assert shapes["down_proj"] == (136, 201)
    assert shapes["o_proj"] == (136, 2, 128)
    assert [
        name
        for name, one in ours.items()
        if "o_proj" not in name and ("proj" in name or "embed" in name) and one != theirs[name]
    ] == []
    notes = read_manifest(folder).notes
    assert sum("per channel" in note for note in notes) == 10
    assert not any("o_proj" in note for note in notes)
