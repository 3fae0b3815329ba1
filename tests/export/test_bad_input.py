"""What cannot be exported is refused in one sentence; nothing is written, an old export stays."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovglm.errors import OvglmError
from ovglm.recipe import Recipe
from ovglm_export import pipeline
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.shard import read_header
from refusals import MODEL, edit, needs_links, poison, refuse, rewrite, snapshot
from tiny_glm import make_config, write_checkpoint, write_json

FLOAT = Recipe("bf16")
EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A good checkpoint in one file."""
    return write_checkpoint(tmp_path / "source")


@pytest.mark.parametrize("layout", ["glm", "glm4", "chatglm"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("hidden_size", 64), ("intermediate_size", 250), ("vocab_size", 384), ("head_dim", 32),
     ("num_key_value_heads", 4), ("num_attention_heads", 8)],
)  # fmt: skip
def test_shapes_that_do_not_fit_the_config_are_refused(
    tmp_path: Path, layout: str, field: str, value: int
) -> None:
    source = write_checkpoint(tmp_path / "source", layout)
    changes: dict[str, Any] = {field: value}
    write_json(source / "config.json", make_config(layout, **changes))
    refuse(source, "but config.json asks for [")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("num_hidden_layers", 3, "has no tensor model.layers.2.input_layernorm.weight (11 of"),
        ("num_hidden_layers", 1, "holds model.layers.1.input_layernorm.weight, which"),
        ("num_hidden_layers", 2_000_000_000, "has 2000000000 layers, but the files hold only"),
        ("attention_bias", False, "holds model.layers.0.self_attn.k_proj.bias, which"),
        ("model_type", "glm4", "has no tensor model.layers.0.post_mlp_layernorm.weight"),
        ("num_attention_heads", 3, "3 heads, which 2 KV heads do not divide"),
        ("partial_rotary_factor", 0.05, "gives 3 rotary channels; an even number"),
        ("partial_rotary_factor", 0.01, "gives 0 rotary channels"),
    ],
)
def test_tensors_that_do_not_fit_the_config_are_refused(
    source: Path, field: str, value: object, words: str
) -> None:
    edit(source / "config.json", **{field: value})
    refuse(source, words)


def test_a_tensor_that_nobody_asked_for_is_refused(source: Path) -> None:
    rewrite(source / MODEL, lambda table: table.update({"extra": table.pop("lm_head.weight")}))
    refuse(source, "has no tensor lm_head.weight")
    edit(source / "config.json", tie_word_embeddings=True)
    refuse(source, "holds extra, which config.json does not ask for (1 such tensors)")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", ["I16", "U16", "F8_E4M3"])
def test_a_weight_of_another_type_is_refused(source: Path, kind: str, tied: bool) -> None:
    names = (EMBEDDING, "lm_head.weight")
    rewrite(source / MODEL, lambda table: [table[name].update(dtype=kind) for name in names])
    edit(source / "config.json", tie_word_embeddings=tied)
    refuse(source, f"{EMBEDDING} is of type {kind}, not one of BF16, F16, F32")


def test_a_scalar_in_place_of_a_tied_matrix_is_refused(source: Path) -> None:
    def shrink(table: dict[str, Any]) -> None:
        table.clear()
        table[EMBEDDING] = {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]}
        table["lm_head.weight"] = {"dtype": "BF16", "shape": [], "data_offsets": [2, 4]}
        table["x"] = {"dtype": "U8", "shape": [1], "data_offsets": [4, size]}

    size = sum(int(np.prod(info.shape)) * 2 for info in read_header(source / MODEL).values())
    edit(source / "config.json", tie_word_embeddings=True)
    rewrite(source / MODEL, shrink)
    refuse(source, "the checkpoint has no tensor ")


# Values


@pytest.mark.parametrize(
    ("dtype", "width", "bits"),
    [("bf16", np.uint16, 0x7FC0), ("bf16", np.uint16, 0xFF80), ("f16", np.uint16, 0xFE00),
     ("f16", np.uint16, 0x7C00), ("f32", np.uint32, 0xFFC00000), ("f32", np.uint32, 0xFF800000)],
)  # fmt: skip
def test_a_weight_that_is_no_number_is_refused(
    tmp_path: Path, dtype: str, width: type, bits: int
) -> None:
    source = write_checkpoint(tmp_path / "source", dtype=dtype)
    poison(source / MODEL, EMBEDDING, bits, width)
    refuse(source, f"tensor {EMBEDDING} in {MODEL} holds NaN or Inf")


@pytest.mark.parametrize("tensor", ["model.layers.1.self_attn.v_proj.bias", "model.norm.weight"])
def test_an_infinity_is_found_in_the_smallest_and_the_last_tensor(
    source: Path, tensor: str
) -> None:
    poison(source / MODEL, tensor, 0x7F80, at=0)
    refuse(source, f"tensor {tensor} in {MODEL} holds NaN or Inf", Recipe())


def test_a_weight_whose_scale_float16_cannot_hold_is_refused(source: Path) -> None:
    name = "model.layers.1.self_attn.o_proj.weight"
    poison(source / MODEL, name, 0x7F00, at=0)  # 1.7e38
    refuse(source, f"{name} has weights that need a scale of", Recipe())


def test_a_nan_in_a_tied_head_is_refused(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", dtype="f32")
    poison(source / MODEL, "lm_head.weight", 0x7FC00000, np.uint32)
    edit(source / "config.json", tie_word_embeddings=True)
    refuse(source, f"tensor lm_head.weight in {MODEL} holds NaN or Inf")


def test_a_nan_in_one_part_of_a_fused_matrix_is_found(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", "chatglm")
    fused = "transformer.encoder.layers.1.self_attention.query_key_value.weight"
    poison(source / MODEL, fused, 0xFFC0, at=-1)
    refuse(source, f"tensor {fused} in {MODEL} holds NaN or Inf", Recipe())


# The architecture, and its Python


@pytest.mark.parametrize("kind", ["llama", "glm4_moe", "glm4v", "qwen3", None, 7, ["glm"]])
def test_an_unknown_architecture_is_refused(source: Path, kind: object) -> None:
    edit(source / "config.json", model_type=kind)
    refuse(source, f"config.json is of model type {kind!r}; supported are glm, chatglm, glm4")


def test_a_field_that_changes_the_mathematics_is_refused(source: Path) -> None:
    edit(source / "config.json", num_local_experts=8)
    refuse(source, "config.json sets num_local_experts to 8, which cannot be exported")


def plant_python(folder: Path, marker: Path) -> None:
    """Put modules into a checkpoint that leave a file behind when they run."""
    text = f"open({str(marker)!r}, 'w').close()\n"
    for kind in ("configuration", "modeling", "tokenization"):
        (folder / f"{kind}_mine.py").write_text(text, encoding="utf-8")
    auto = {"AutoConfig": "configuration_mine.C", "AutoModelForCausalLM": "modeling_mine.M"}
    edit(folder / "config.json", auto_map=auto)
    tokenizer = {"AutoTokenizer": ["tokenization_mine.T", "tokenization_mine.T"]}
    edit(folder / "tokenizer_config.json", auto_map=tokenizer, tokenizer_class="T")


def test_an_architecture_that_only_remote_code_knows_is_refused(source: Path) -> None:
    marker = source.parent / "ran"
    plant_python(source, marker)
    edit(source / "config.json", model_type="mine", architectures=["M"])
    refuse(source, "'mine'; supported are glm, chatglm, glm4; its own Python code is never run")
    assert not marker.exists()


@pytest.mark.parametrize("layout", ["glm", "chatglm"])
def test_the_python_of_a_checkpoint_is_never_run(tmp_path: Path, layout: str) -> None:
    source = write_checkpoint(tmp_path / "source", layout)
    marker, output = tmp_path / "ran", tmp_path / "output"
    plant_python(source, marker)
    export_checkpoint(source, output, FLOAT)
    assert not marker.exists()
    assert not any(name.endswith("_mine") for name in sys.modules)
    assert not list(output.glob("*.py"))
    for name in ("config.json", "tokenizer_config.json"):
        assert "auto_map" not in (output / name).read_text(encoding="utf-8")
        assert "_mine" not in (output / name).read_text(encoding="utf-8")


# The tokenizer


def test_a_checkpoint_without_a_tokenizer_is_refused(source: Path) -> None:
    (source / "tokenizer.json").unlink()
    refuse(source, "has no tokenizer: neither tokenizer.json nor tokenizer.model")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"added_tokens": 7}', '{"added_tokens": [1]}'])
def test_a_damaged_tokenizer_is_refused(source: Path, text: str) -> None:
    (source / "tokenizer.json").write_text(text, encoding="utf-8")
    refuse(source, "tokenizer.json")


def test_a_tokenizer_larger_than_the_model_is_refused(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", vocab_size=277)
    refuse(source, "The tokenizer has 278 tokens, the model only 277")


def test_a_stop_id_beyond_the_tokenizer_is_refused(source: Path) -> None:
    edit(source / "generation_config.json", eos_token_id=[300])
    refuse(source, "The stop id 300 is beyond the tokenizer")


# The recipe


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(symmetric=False), "the NPU wants symmetric INT4"),
        (Recipe("int8"), "the NPU wants INT4 weights, not int8"),
        (Recipe("bf16"), "the NPU wants INT4 weights, not bf16"),
        (Recipe(ratio=0.8), "ratio 1.0, not 0.8"),
        (Recipe(group_size=64), "the NPU wants groups of 128 or one per channel (-1), not 64"),
    ],
)
def test_a_recipe_that_the_npu_cannot_run_is_refused(
    source: Path, recipe: Recipe, words: str
) -> None:
    refuse(source, words, recipe, device="NPU")


def test_a_width_that_makes_the_recipe_illegal_on_the_npu_is_refused(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source", hidden_size=192)
    words = "the NPU wants groups of 128 or one per channel (-1), not 64, as the width"
    refuse(source, words, Recipe(), device="NPU")
    with pytest.raises(OvglmError) as caught:
        export_checkpoint(source, tmp_path / "x", Recipe(), ExportOptions(device="NPU"))
    assert caught.value.hint and "--group-size -1" in caught.value.hint


# What can go on


@needs_links
def test_a_good_checkpoint_behind_links_is_exported(source: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    for file in source.iterdir():
        (linked / file.name).symlink_to(file)
    assert open_checkpoint(linked).size_bytes == open_checkpoint(source).size_bytes


def test_opening_reads_no_weights(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a weight was mapped")

    monkeypatch.setattr("ovglm_export.checkpoint.map_tensor", fail)
    open_checkpoint(source)


def test_a_broken_checkpoint_does_not_destroy_what_an_interrupted_export_finished(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    output = source.parent / "output"
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "join_spooled", stop)
        with pytest.raises(KeyboardInterrupt):
            export_checkpoint(source, output, FLOAT)
    (source / MODEL).rename(source.parent / MODEL)
    before = snapshot(source.parent)
    with pytest.raises(OvglmError, match=r"holds no \*\.safetensors"):
        export_checkpoint(source, output, FLOAT)
    assert snapshot(source.parent) == before
    assert (source.parent / "output.partial" / "spool" / "head.bin").is_file()


def test_weights_at_odd_offsets_give_the_same_model(source: Path, tmp_path: Path) -> None:
    export_checkpoint(source, tmp_path / "even", Recipe())
    for note in ("", "x"):
        rewrite(source / MODEL, lambda table, text=note: table.update(__metadata__={"": text}))
        if read_header(source / MODEL)[EMBEDDING].offset % 2:
            break
    assert read_header(source / MODEL)[EMBEDDING].offset % 2
    export_checkpoint(source, tmp_path / "odd", Recipe())
    for name in ("openvino_model.bin", "openvino_model.xml"):
        assert (tmp_path / "odd" / name).read_bytes() == (tmp_path / "even" / name).read_bytes()
