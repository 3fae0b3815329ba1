"""What an exported vision folder holds: three IRs as other readers name them, and its manifest."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from ir_runner import EXACT
from ovglm.manifest import Manifest, check_files, read_manifest, write_manifest
from ovglm.recipe import Recipe
from ovglm.vision_facts import VisionFacts
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.text_models import read_text_model
from ovglm_export.vision.tower import VisionArchitecture
from tiny_glm import write_checkpoint
from tiny_vision import (
    BEGIN_ID,
    CLIP_MEAN,
    CLIP_STD,
    END_ID,
    Layout,
    text_fields,
)
from vision_exports import INT8, VisionExports

NAMES = ("language", "text_embeddings", "vision_embeddings")
FACTS: dict[Layout, VisionFacts] = {
    "glm_edge_v": VisionFacts(
        tower="siglip", weights="int8", image_size=56, patch_size=14, channels=3,
        image_hidden_size=96, hidden_size=128, vectors=6, resize="fit", resample="bicubic",
        rescale=1 / 255, mean=(0.5,) * 3, std=(0.5,) * 3, begin_id=BEGIN_ID, end_id=END_ID,
        placement="each", positions="each", most_pictures=1,
    ),
    "glm_4v": VisionFacts(
        tower="eva2_clip", weights="int8", image_size=56, patch_size=14, channels=3,
        image_hidden_size=96, hidden_size=128, vectors=6, resize="stretch", resample="bicubic",
        rescale=1 / 255, mean=CLIP_MEAN, std=CLIP_STD, begin_id=BEGIN_ID, end_id=END_ID,
        placement="span", positions="shared", most_pictures=1,
    ),
}  # fmt: skip


SMALL = VisionArchitecture(
    tower="siglip", image_size=56, patch_size=14, channels=3, hidden_size=96,
    intermediate_size=136, layers=2, heads=4, norm_eps=1e-6, activation="TANH", norm_first=True,
    has_class_vector=False, has_final_norm=True, adapter_norm_eps=1e-5, gate_size=160,
    output_size=128, divisor=1.0, begin_id=BEGIN_ID, end_id=END_ID, placement="each",
    positions="each",
)  # fmt: skip


def describe(path: Path) -> dict[str, tuple[str, str]]:
    """Name the inputs and outputs of an IR with their types and shapes."""
    model = ov.Core().read_model(path)
    ports = [*model.inputs, *model.outputs]
    return {
        port.any_name: (port.get_element_type().get_type_name(), str(port.get_partial_shape()))
        for port in ports
    }


def test_the_irs_have_the_names_that_readers_look_for(vision: VisionExports) -> None:
    folder = vision.export()
    found = {name: describe(folder / f"openvino_{name}_model.xml") for name in NAMES[1:]}
    found["language"] = describe(folder / "openvino_language_model.xml")
    assert found == {
        "language": {
            "inputs_embeds": ("f32", "[?,?,128]"),
            "attention_mask": ("i64", "[?,?]"),
            "position_ids": ("i64", "[?,?]"),
            "beam_idx": ("i32", "[?]"),
            "logits": ("f32", "[?,?,320]"),
        },
        "text_embeddings": {"input": ("i64", "[?,?]"), "inputs_embeds": ("f32", "[?,?,128]")},
        "vision_embeddings": {
            "pixel_values": ("f32", "[?,3,56,56]"),
            "last_hidden_state": ("f32", "[?,6,128]"),
        },
    }
    assert not (folder / "openvino_model.xml").exists()


def test_the_manifest_says_what_a_runtime_needs(vision: VisionExports) -> None:
    folder = vision.export()
    manifest = read_manifest(folder)
    assert manifest.vision == FACTS[vision.layout]
    assert check_files(folder, manifest) == []
    assert {f"openvino_{name}_model.bin" for name in NAMES[1:]} < manifest.files.keys()
    kinds = {one.kind: one.format for one in manifest.matrices}
    assert kinds["vision patch"] == "bf16"
    seen = {kind: form for kind, form in kinds.items() if kind.startswith("vision ")}
    assert set(seen.values()) == {"bf16", "int8 sym per channel"}
    assert {"embed_tokens", "lm_head", "o_proj"} < kinds.keys()


def test_a_manifest_without_pictures_is_read_as_before(
    vision: VisionExports, tmp_path: Path
) -> None:
    manifest = read_manifest(vision.export())
    write_manifest(tmp_path, replace(manifest, vision=None))
    old = json.loads((tmp_path / "ovglm.json").read_text(encoding="utf-8"))
    assert old.pop("vision") is None
    (tmp_path / "ovglm.json").write_text(json.dumps(old), encoding="utf-8")
    assert read_manifest(tmp_path).vision is None


def test_placeholders_and_positions_are_counted() -> None:
    edge, four = FACTS["glm_edge_v"], FACTS["glm_4v"]
    assert (edge.placeholder_tokens, edge.position_count) == (6, 6)
    assert (four.placeholder_tokens, four.position_count) == (3, 3)


def test_the_real_sizes_give_the_published_counts() -> None:
    """672 pixels of GLM-Edge-V are 578 vectors, 1120 of GLM-4V-9B are 1602."""
    for pixels, vectors in ((672, 578), (1120, 1602)):
        assert replace(SMALL, image_size=pixels).vectors == vectors


def test_config_and_preprocessor_are_whole_and_name_no_code(vision: VisionExports) -> None:
    folder = vision.export()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    source = json.loads((vision.source / "config.json").read_text(encoding="utf-8"))
    assert config["vision_config"] == source["vision_config"]
    assert (config["boi_token_id"], config["eoi_token_id"]) == (BEGIN_ID, END_ID)
    assert "auto_map" not in config
    steps = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert tuple(steps["image_mean"]) == FACTS[vision.layout].mean
    assert "auto_map" not in steps


def text_export(folder: Path, vision: VisionExports, recipe: Recipe) -> tuple[Path, Manifest]:
    """Export the same text model without a tower."""
    own = "glm" if vision.layout == "glm_edge_v" else "chatglm"
    source = write_checkpoint(folder / "text", own, **text_fields(vision.layout))
    # The template too: calibration text is written by it.
    name = "tokenizer_config.json"
    shutil.copyfile(vision.source / name, source / name)
    output = folder / "text-export"
    return output, export_checkpoint(source, output, recipe, ExportOptions(verify="none"))


def logits(model: ov.Model) -> np.ndarray:
    compiled = ov.Core().compile_model(model, "CPU", EXACT)
    inputs = {
        "input_ids": np.arange(12)[None],
        "attention_mask": np.ones((1, 12), np.int64),
        "position_ids": np.arange(12)[None],
        "beam_idx": np.zeros(1, np.int32),
    }
    return np.array(compiled(inputs)["logits"])


@pytest.mark.parametrize("recipe", [Recipe(), INT8, Recipe(quality="balanced", samples=2)])
def test_the_text_part_is_that_of_a_text_export(
    vision: VisionExports, tmp_path: Path, recipe: Recipe
) -> None:
    """Bit for bit, golden tokens included: the same parts, joined in another way."""
    folder = vision.export(recipe)
    plain, manifest = text_export(tmp_path, vision, recipe)
    np.testing.assert_array_equal(logits(read_text_model(folder)), logits(read_text_model(plain)))
    own = read_manifest(folder)
    assert own.golden == manifest.golden and own.golden
    text = [one for one in own.matrices if not one.kind.startswith("vision ")]
    assert sorted(text, key=repr) == sorted(manifest.matrices, key=repr)


def test_options_of_the_ir_survive_the_cut(vision: VisionExports) -> None:
    model = ov.Core().read_model(vision.export(Recipe()) / "openvino_language_model.xml")
    options = model.get_rt_info(["runtime_options"]).value
    assert set(options) == {"ACTIVATIONS_SCALE_FACTOR", "DYNAMIC_QUANTIZATION_GROUP_SIZE"}
