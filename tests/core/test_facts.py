"""Facts of exported folders: ours from the manifest, others' from the IR itself."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  # numpy learns bfloat16
import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as ops

from ovglm.devices import read_facts
from ovglm.devices.foreign import explain_npu_refusal
from ovglm.devices.foreign_ir import StoredMatrix, read_matrices
from ovglm.errors import FolderError, OvglmError
from ovglm.manifest import FILE_NAME, read_manifest
from ovglm.recipe import MatrixFormat

ROWS, WIDTH = 64, 256


@pytest.fixture
def copy(nano: Path, tmp_path: Path) -> Path:
    return shutil.copytree(nano, tmp_path / "copy")


@pytest.fixture
def foreign(copy: Path) -> Path:
    """nano as another tool would have left it."""
    (copy / FILE_NAME).unlink()
    return copy


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None takes a key away."""
    told = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    kept = {key: value for key, value in told.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def test_our_folder_tells_all_that_the_manifest_and_the_config_say(nano: Path) -> None:
    facts, manifest = read_facts(nano), read_manifest(nano)
    assert (facts.name, facts.folder, facts.is_foreign) == ("nano", nano, False)
    assert (facts.layers, facts.kv_heads, facts.head_dim, facts.hidden) == (5, 2, 64, 256)
    assert (facts.vocabulary, facts.context_length) == (2048, 2048)
    assert facts.weights_bytes == (nano / "openvino_model.bin").stat().st_size
    assert facts.stop_ids == manifest.stop_ids
    assert (facts.dialect, facts.recipe) == (manifest.dialect, "int4-g128")
    assert facts.illegal == {"CPU": "", "GPU": "", "NPU": ""}
    assert facts.golden == manifest.golden
    assert facts.formats == {"int4 sym g128"}
    assert facts.mend == "ovglm export nano --device NPU"


def test_bf16_is_not_for_the_npu(nano_bf16: Path) -> None:
    facts = read_facts(nano_bf16)
    assert facts.illegal["NPU"] == "the NPU wants INT4 weights, not bf16"
    assert facts.illegal["CPU"] == facts.illegal["GPU"] == ""


def test_where_a_width_forces_another_group_the_mend_is_one_scale_per_channel(copy: Path) -> None:
    edit(copy / FILE_NAME, devices={"CPU": "", "GPU": "", "NPU": "groups of 128, not 64"})
    assert read_facts(copy).mend == "ovglm export nano --device NPU --group-size -1"


def test_the_fingerprint_is_of_the_ir(nano: Path, nano_bf16: Path, copy: Path) -> None:
    assert read_facts(copy).fingerprint == read_facts(nano).fingerprint
    assert read_facts(nano_bf16).fingerprint != read_facts(nano).fingerprint


def test_a_foreign_folder_tells_the_same_from_its_ir(nano: Path, foreign: Path) -> None:
    ours, theirs = read_facts(nano), read_facts(foreign)
    assert theirs.is_foreign
    for field in ("layers", "kv_heads", "head_dim", "hidden", "vocabulary", "context_length"):
        assert getattr(theirs, field) == getattr(ours, field)
    assert (theirs.dialect, theirs.formats) == (ours.dialect, ours.formats)
    assert set(theirs.stop_ids) == set(ours.stop_ids)
    assert theirs.illegal == ours.illegal
    assert (theirs.name, theirs.recipe, theirs.golden) == ("copy", "int4 sym g128", ())
    assert theirs.mend == "ovglm export CHECKPOINT --device NPU"


def test_a_foreign_bf16_folder_is_not_for_the_npu(nano_bf16: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(nano_bf16, tmp_path / "bf16")
    (folder / FILE_NAME).unlink()
    facts = read_facts(folder)
    assert (facts.recipe, facts.illegal["NPU"]) == ("bf16", "the NPU wants INT4 weights, not bf16")


def test_the_fingerprint_of_a_foreign_folder_changes_with_its_weights(foreign: Path) -> None:
    before = read_facts(foreign).fingerprint
    weights = foreign / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x55")
    assert read_facts(foreign).fingerprint != before


def test_stop_ids_of_a_foreign_folder_come_from_both_configurations_and_the_turns(
    foreign: Path,
) -> None:
    turns = read_facts(foreign).stop_ids
    edit(foreign / "generation_config.json", eos_token_id=7)
    edit(foreign / "config.json", eos_token_id=[7, 8])
    assert read_facts(foreign).stop_ids == (7, 8, *turns)


def test_the_turns_alone_end_the_answers_of_a_foreign_folder(foreign: Path) -> None:
    told = read_facts(foreign).stop_ids
    (foreign / "generation_config.json").unlink()
    edit(foreign / "config.json", eos_token_id=None)
    assert set(read_facts(foreign).stop_ids) == set(told)


def test_a_foreign_folder_that_names_no_stop_id_is_refused(foreign: Path) -> None:
    (foreign / "generation_config.json").unlink()
    edit(foreign / "config.json", eos_token_id=None)
    edit(foreign / "tokenizer.json", added_tokens=[])
    with pytest.raises(FolderError, match="an answer would never end"):
        read_facts(foreign)


def test_a_foreign_folder_that_is_no_glm_is_refused(foreign: Path) -> None:
    (foreign / "chat_template.jinja").write_text("<|im_start|>{{ messages }}", encoding="utf-8")
    with pytest.raises(OvglmError, match="not those of a GLM"):
        read_facts(foreign)


def test_the_original_forms_names_are_known(foreign: Path) -> None:
    edit(
        foreign / "config.json", num_hidden_layers=None, num_layers=40, num_key_value_heads=None,
        multi_query_group_num=2, head_dim=None, kv_channels=128, max_position_embeddings=None,
        seq_length=131072,
    )  # fmt: skip
    facts = read_facts(foreign)
    assert (facts.layers, facts.kv_heads, facts.head_dim) == (40, 2, 128)
    assert facts.context_length == 131072


@pytest.mark.parametrize(
    "name", ["openvino_model.bin", "openvino_model.xml", "config.json", "tokenizer.json"]
)
def test_a_half_deleted_folder_is_refused_by_the_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(FolderError, match=f"{name} is missing"):
        read_facts(copy)


def test_a_folder_without_any_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds no exported model"):
        read_facts(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"hidden_size": 1', "{}", '{"num_hidden_layers": 0}'])
def test_an_unreadable_config_is_refused(copy: Path, text: str) -> None:
    (copy / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(FolderError, match=r"config\.json"):
        read_facts(copy)


def test_a_broken_ir_is_refused(foreign: Path) -> None:
    (foreign / "openvino_model.xml").write_text("<net", encoding="utf-8")
    with pytest.raises(FolderError, match="is no readable IR"):
        read_facts(foreign)


# --- matrices as other tools store them ---


def plain(kind: Any) -> Callable[[], Any]:
    def build() -> Any:
        constant = ops.constant(np.ones((ROWS, WIDTH)), dtype=kind)
        return ops.convert(constant, "f32")

    return build


def compressed(kind: Any, group: int = -1, zero_point: bool = False) -> Callable[[], Any]:
    def build() -> Any:
        shape = [ROWS, WIDTH] if group == -1 else [ROWS, WIDTH // group, group]
        node = ops.convert(ops.constant(np.ones(shape, np.int8), dtype=kind), "f16")
        column = [*shape[:-1], 1]
        if zero_point:
            points = ops.constant(np.full(column, 8, np.uint8), dtype=kind)
            node = ops.subtract(node, ops.convert(points, "f16"))
        node = ops.multiply(node, ops.constant(np.ones(column, np.float16)))
        if group != -1:
            node = ops.reshape(node, [ROWS, WIDTH], False)
        return ops.convert(node, "f32")

    return build


def write_ir(folder: Path, build: Callable[[], Any]) -> Path:
    data = ops.parameter([1, WIDTH], np.float32)
    make: Any = ov.Model  # its stub does not know lists of nodes
    model = make([ops.matmul(data, build(), False, True)], [data])
    path = folder / "openvino_model.xml"
    ov.save_model(model, path, compress_to_fp16=False)
    return path


@pytest.mark.parametrize(
    ("build", "label"),
    [
        (plain(ov.Type.f16), "f16"),
        (plain(ov.Type.bf16), "bf16"),
        (compressed(ov.Type.i8), "int8 sym per channel"),
        (compressed(ov.Type.u8, zero_point=True), "int8 asym per channel"),
        (compressed(ov.Type.i4, 128), "int4 sym g128"),
        (compressed(ov.Type.i4), "int4 sym per channel"),
        (compressed(ov.Type.u4, 64, zero_point=True), "int4 asym g64"),
        (compressed(ov.Type.nf4), "nf4 sym per channel"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_stored_format_is_read_from_the_constants(
    tmp_path: Path, build: Callable[[], Any], label: str
) -> None:
    (matrix,) = read_matrices(write_ir(tmp_path, build))
    assert matrix.label == label
    assert (matrix.rows, matrix.weights, matrix.is_embedding) == (ROWS, ROWS * WIDTH, False)


def test_a_matrix_that_is_looked_up_and_multiplied_counts_once_as_embedding(nano: Path) -> None:
    tied = [one for one in read_matrices(nano / "openvino_model.xml") if one.rows == 2048]
    assert [(one.label, one.is_embedding) for one in tied] == [("int8 asym per channel", True)]


def stored(kind: Any, group: int = -1, symmetric: bool = True, weights: int = 100) -> StoredMatrix:
    return StoredMatrix(MatrixFormat(kind, symmetric, group), "?", 8, weights, False)


@pytest.mark.parametrize(
    ("matrices", "reason"),
    [
        ([stored("int4", 128), stored("int4", -1)], ""),
        ([stored("int4", 128, symmetric=False)], "wants symmetric INT4"),
        ([stored("int4", 128), stored("int4", 64)], "groups of 128 or one per channel"),
        ([stored("int4", 16)], "groups of 128 or one per channel"),
        ([stored("int4", 128), stored("int8", weights=25)], "ratio 1.0, not 0.8"),
        ([stored("int8")], "wants INT4 weights, not int8 sym per channel"),
        ([], "wants INT4 weights, not none"),
    ],
)
def test_what_the_npu_says_to_foreign_matrices(matrices: list[StoredMatrix], reason: str) -> None:
    told = explain_npu_refusal(matrices)
    assert reason in told
    assert bool(told) == bool(reason)
