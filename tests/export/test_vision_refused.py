"""A vision checkpoint that cannot be exported whole is refused; it never becomes text alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.errors import OvglmError
from ovglm.recipe import Recipe
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.checkpoint_files import read_config
from ovglm_export.optimum import check_optimum
from ovglm_export.pipeline import ExportOptions
from ovglm_export.shard import read_header
from ovglm_export.streaming import stream_checkpoint
from refusals import edit, poison, refuse, rewrite, snapshot
from small_hub import SmallHub
from streamed import publish
from tiny_glm import ABSENT, write_checkpoint, write_safetensors
from tiny_vision import FAMILIES, Layout, write_vision_checkpoint

TOWER = "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"
PREFIX = {"glm_edge_v": "model.vision.", "glm_4v": "transformer.vision."}


def write(folder: Path, layout: Layout = "glm_edge_v", **wishes: Any) -> Path:
    return write_vision_checkpoint(folder / "source", layout, **wishes)


def edit_vision(source: Path, **changes: Any) -> None:
    vision = {**read_config(source)["vision_config"], **changes}
    known = {name: value for name, value in vision.items() if value is not ABSENT}
    edit(source / "config.json", vision_config=known)


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize("value", [ABSENT, None, {}])
def test_vision_tensors_without_a_vision_config_are_not_left_out(
    tmp_path: Path, layout: Layout, value: object
) -> None:
    source = write(tmp_path, layout)
    edit(source / "config.json", vision_config=value)
    refuse(source, f"the checkpoint holds {PREFIX[layout]}")


@pytest.mark.parametrize(("layout", "text"), [("glm_edge_v", "glm"), ("glm_4v", "chatglm")])
def test_a_vision_config_without_vision_tensors_is_refused(
    tmp_path: Path, layout: Layout, text: str
) -> None:
    whole = write(tmp_path, layout)
    source = write_checkpoint(tmp_path / "text", text)
    config = read_config(whole)
    fields = ("vision_config", "boi_token_id", "eoi_token_id")
    edit(source / "config.json", **{name: config[name] for name in fields})
    refuse(source, "dense_h_to_4h.weight is missing")


def test_a_tower_beside_another_kind_of_text_model_is_refused(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", "glm4")
    edit(source / "config.json", vision_config={"image_size": 56})
    refuse(source, "config.json sets vision_config to")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("hidden_size", 100, "but config.json asks for ["),
        ("intermediate_size", 100, "but config.json asks for ["),
        ("image_size", 84, "but config.json asks for [36, 96]"),
        ("image_size", 14, "gives pictures of 14 pixels 1 patches of 14 a side; 2 are needed"),
        ("image_size", 2**31, "has image_size = 2147483648; a whole number"),
        ("image_size", "56", "has image_size = '56'; a whole number"),
        ("image_size", ABSENT, "has no image_size; a whole number"),
        ("patch_size", 7, "but config.json asks for ["),
        ("num_channels", 1, "but config.json asks for [96, 1, 14, 14]"),
        ("num_hidden_layers", 3, "has no tensor model.vision.vit.model.vision_model.encoder"),
        ("num_hidden_layers", 1, "holds model.vision.vit.model.vision_model.encoder.layers.1"),
        ("num_hidden_layers", 2_000_000_000, "2000000000 layers, but the files hold only"),
        ("num_attention_heads", 5, "has 5 heads, which do not divide its 96 channels"),
        ("num_attention_heads", ABSENT, "has no num_attention_heads"),
        ("layer_norm_eps", 0, "has layer_norm_eps = 0; a positive number"),
        ("hidden_act", "quick_gelu", "vision_config.hidden_act to 'quick_gelu'; supported are"),
        ("hidden_act", ["gelu"], "vision_config.hidden_act to ['gelu']; supported are"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    source = write(tmp_path)
    edit_vision(source, **{field: value})
    refuse(source, words)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_heads", ABSENT, "has no num_heads"),
        ("in_channels", ABSENT, "has no in_channels"),
        ("scaling_factor", ABSENT, "has no scaling_factor; a positive number"),
        ("scaling_factor", 0, "has scaling_factor = 0; a positive number"),
        ("layer_norm_eps", ABSENT, "has no layer_norm_eps"),
        ("hidden_act", ABSENT, "vision_config.hidden_act to None"),
        ("image_size", 84, "but config.json asks for [37, 96]"),
        ("hidden_size", 104, "but config.json asks for ["),
    ],
)
def test_numbers_of_glm_4v_that_do_not_fit_are_refused(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    source = write(tmp_path, "glm_4v")
    edit_vision(source, **{field: value})
    refuse(source, words)


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"boi_token_id": ABSENT}, "has no boi_token_id"),
        ({"eoi_token_id": True}, "has eoi_token_id = True"),
        ({"boi_token_id": 275}, "boi_token_id and eoi_token_id the same token 275"),
        ({"eoi_token_id": 320}, "has eoi_token_id = 320, but only 320 tokens"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(
    tmp_path: Path, layout: Layout, changes: dict[str, Any], words: str
) -> None:
    source = write(tmp_path, layout)
    edit(source / "config.json", **changes)
    refuse(source, words)


def test_a_picture_longer_than_the_context_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, max_position_embeddings=6)
    refuse(source, "a picture takes 6 positions, but the model has 6")


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize("part", ["boi", "conv.bias", "dense_4h_to_h.weight"])
def test_a_missing_tensor_of_the_adapter_is_refused(
    tmp_path: Path, layout: Layout, part: str
) -> None:
    source = write(tmp_path, layout)
    name = next(name for name in read_header(source / TOWER) if name.endswith(part))
    rename_tensor(source, name, f"{name}.elsewhere")
    refuse(source, f"has no tensor {name} (1 of")


def rename_tensor(source: Path, name: str, other: str) -> None:
    rewrite(source / TOWER, lambda table: table.update({other: table.pop(name)}))
    weight_map = json.loads((source / INDEX).read_text(encoding="utf-8"))["weight_map"]
    weight_map[other] = weight_map.pop(name)
    edit(source / INDEX, weight_map=weight_map)


@pytest.mark.parametrize("shape", [[0, 128], [160], [96, 100]])
def test_a_bent_adapter_is_refused(tmp_path: Path, shape: list[int]) -> None:
    source = write(tmp_path)
    name = "model.vision.adapter.linear.dense_h_to_4h.weight"
    (source / TOWER).unlink()
    whole = write_vision_checkpoint(tmp_path / "whole")
    tensors = {
        one: np.zeros(shape if one == name else info.shape, np.float32)
        for one, info in read_header(whole / TOWER).items()
    }
    write_safetensors(source / TOWER, tensors)
    words = "but config.json asks for [" if len(shape) == 2 and shape[0] else "has shape ["
    refuse(source, words)


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize("part", ["boi", "mlp.fc1.weight", "conv.weight", "norm1.bias"])
def test_nan_in_the_tower_is_refused(tmp_path: Path, layout: Layout, part: str) -> None:
    source = write(tmp_path, layout)
    name = next(name for name in read_header(source / TOWER) if name.endswith(part))
    poison(source / TOWER, name, 0x7FC0)
    refuse(source, f"tensor {name} in {TOWER} holds NaN or Inf", verify="none")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_mean": [0.5, 0.5]}, "image_mean = [0.5, 0.5]; a number for each of 3 channels"),
        ({"image_mean": ["0.5"] * 3}, "a number for each of 3 channels is needed"),
        ({"image_mean": ABSENT}, "image_mean = None; a number for each of 3"),
        ({"image_std": [0.5, 0, 0.5]}, "a positive number for each of 3 channels"),
        ({"resample": 6}, "resample = 6; a number from 0 to 5"),
        ({"resample": ABSENT}, "resample = None; a number from 0 to 5"),
        ({"rescale_factor": -1}, "rescale_factor = -1; a positive number"),
        ({"do_normalize": False}, "do_normalize = False; true is needed"),
        ({"max_image_tiles": 4}, "max_image_tiles = 4; 1 is needed"),
        ({"size": {"height": 56, "width": 70}}, "56 pixels, as in config.json, is needed"),
        ({"size": {}}, "size = {}; 56 pixels"),
        ({"size": ABSENT}, "size = None; 56 pixels"),
    ],
)
def test_a_preprocessor_config_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    source = write(tmp_path)
    edit(source / "preprocessor_config.json", **changes)
    refuse(source, words)


@pytest.mark.parametrize(("text", "words"), [("[", "not readable JSON"), ("[]", "no JSON object")])
def test_a_damaged_preprocessor_config_is_refused(tmp_path: Path, text: str, words: str) -> None:
    source = write(tmp_path)
    (source / "preprocessor_config.json").write_text(text, encoding="utf-8")
    refuse(source, words.replace("no JSON", "not a JSON"))


def test_glm_edge_v_needs_its_preprocessor_config(tmp_path: Path) -> None:
    source = write(tmp_path)
    (source / "preprocessor_config.json").unlink()
    refuse(source, "holds no preprocessor_config.json")


def test_vision_weights_have_no_meaning_for_text_alone(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source")
    refuse(source, "takes no pictures, so --vision-weights f32", vision_weights="f32")


def test_optimum_cannot_take_the_tower_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ovglm_export.optimum._require_extra", lambda: None)
    checkpoint = open_checkpoint(write(tmp_path))
    with pytest.raises(OvglmError, match="vision_config, which optimum-intel would leave out"):
        check_optimum(checkpoint, Recipe())


def test_a_tower_is_not_streamed(hub: SmallHub, tmp_path: Path) -> None:
    source = write(tmp_path)
    remote, before = publish(hub, source), snapshot(tmp_path)
    with pytest.raises(OvglmError, match="takes pictures, and --stream") as caught:
        stream_checkpoint(remote, tmp_path / "new" / "output", Recipe(), ExportOptions())
    assert caught.value.hint == f"ovglm pull {remote.repo}"
    assert snapshot(tmp_path) == before
