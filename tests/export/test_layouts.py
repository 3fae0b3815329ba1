"""The same weights give the same IR, whatever layout, files and spelling they come in."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import export_checkpoint
from tiny_glm import make_config, make_tensors, write_json, write_safetensors

FLOAT = Recipe("bf16")
MODEL = ("openvino_model.xml", "openvino_model.bin")


def check_same_model(ours: Path, theirs: Path) -> None:
    """Names, order, graph and every weight: the files are equal."""
    for name in MODEL:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    write_json(path, {name: value for name, value in config.items() if value != "absent"})


@pytest.fixture
def copy(tiny_models: Any, tmp_path: Path) -> Path:
    """A plain `glm` checkpoint that a test may change."""
    return Path(shutil.copytree(tiny_models.checkpoint(), tmp_path / "copy"))


@pytest.mark.parametrize(
    "recipe",
    [FLOAT, Recipe(), Recipe(ratio=0.6, group_size=64)],
    ids=lambda one: one.name,
)
@pytest.mark.parametrize(
    "changes",
    [{}, {"num_attention_heads": 6, "num_key_value_heads": 3, "attention_bias": False},
     {"rope_theta": 5e6, "tie_word_embeddings": True}],
    ids=["plain", "groups_of_two_without_bias", "tied"],
)  # fmt: skip
def test_the_original_layout_gives_the_ir_of_glm(
    tiny_models: Any, recipe: Recipe, changes: dict[str, Any]
) -> None:
    original = tiny_models.export("chatglm", recipe, **changes)
    check_same_model(original, tiny_models.export("glm", recipe, **changes))
    assert read_manifest(original).family == "chatglm"
    assert json.loads((original / "config.json").read_text())["model_type"] == "glm"


def test_without_multi_query_every_head_has_its_own_group(tiny_models: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_models.checkpoint("chatglm", num_key_value_heads=4), source)
    edit_config(source, multi_query_attention=False, multi_query_group_num="absent")
    export_checkpoint(source, tmp_path / "out", FLOAT)
    check_same_model(tmp_path / "out", tiny_models.export("glm", num_key_value_heads=4))


@pytest.mark.parametrize("layout", ["glm", "glm4", "chatglm"])
def test_shards_change_nothing_with_or_without_an_index(
    tiny_models: Any, tmp_path: Path, layout: str
) -> None:
    sharded = tiny_models.checkpoint(layout, shards=3)
    check_same_model(tiny_models.export(layout), tiny_models.export(layout, shards=3))
    source = tmp_path / "source"
    shutil.copytree(sharded, source)
    (source / "model.safetensors.index.json").unlink()
    export_checkpoint(source, tmp_path / "out", FLOAT)
    check_same_model(tmp_path / "out", tiny_models.export(layout))


@pytest.mark.parametrize(("dtype", "label"), [("bf16", "bf16"), ("f16", "f16"), ("f32", "f32")])
def test_unquantised_weights_keep_the_checkpoints_type(
    tiny_models: Any, dtype: str, label: str
) -> None:
    counts = read_manifest(tiny_models.export(dtype=dtype)).matrices
    assert {one.format for one in counts} == {label}
    assert sum(one.matrices for one in counts) == 2 * 4 + 2


def test_nested_rope_parameters_give_the_ir_of_flat_ones(copy: Path, tiny_models: Any) -> None:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}
    edit_config(copy, rope_parameters=rope, rope_theta="absent", partial_rotary_factor="absent")
    export_checkpoint(copy, copy / "out", FLOAT)
    check_same_model(copy / "out", tiny_models.export())


def test_a_head_of_its_own_wins_over_a_config_that_says_tied(copy: Path, tiny_models: Any) -> None:
    edit_config(copy, tie_word_embeddings=True)
    assert not open_checkpoint(copy).architecture.tied
    export_checkpoint(copy, copy / "out", FLOAT)
    check_same_model(copy / "out", tiny_models.export())
    written = json.loads((copy / "out" / "config.json").read_text(encoding="utf-8"))
    assert written["tie_word_embeddings"] is False


def test_a_head_equal_to_the_embedding_is_stored_once(copy: Path, tiny_models: Any) -> None:
    tensors = make_tensors(make_config(), "glm")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    write_safetensors(copy / "model.safetensors", tensors)
    edit_config(copy, tie_word_embeddings=True)
    export_checkpoint(copy, copy / "out", FLOAT)
    check_same_model(copy / "out", tiny_models.export(tie_word_embeddings=True))


def test_an_untied_config_keeps_an_equal_head(copy: Path) -> None:
    tensors = make_tensors(make_config(), "glm")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    write_safetensors(copy / "model.safetensors", tensors)
    assert not open_checkpoint(copy).architecture.tied


def test_tensors_at_odd_addresses_are_read(copy: Path, tiny_models: Any) -> None:
    """Other writers than the usual one do not align what follows the header."""
    file = copy / "model.safetensors"
    raw = file.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = raw[8 : 8 + length] + b" "
    file.write_bytes(len(header).to_bytes(8, "little") + header + raw[8 + length :])
    info = next(iter(open_checkpoint(copy).tensors.values()))
    assert info.offset % 2 == 1
    export_checkpoint(copy, copy / "out", FLOAT)
    check_same_model(copy / "out", tiny_models.export())


def test_weights_of_mixed_types_each_keep_their_own(copy: Path, tiny_models: Any) -> None:
    """Some checkpoints keep their norms, or single matrices, in another type."""
    tensors = make_tensors(make_config(), "glm")
    plain = dict(tensors)
    for name in ("model.norm.weight", "model.layers.0.self_attn.q_proj.bias"):
        tensors[name] = plain[name].astype(np.float32)
    write_safetensors(copy / "model.safetensors", tensors)
    export_checkpoint(copy, copy / "out", FLOAT)
    check_same_model(copy / "out", tiny_models.export())
