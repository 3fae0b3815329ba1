"""A checkpoint's files are held against each other before one is read; a bad one is refused."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ovglm_export.shard import read_header
from refusals import MODEL, edit, needs_links, refuse, rewrite
from tiny_glm import ABSENT, write_checkpoint

INDEX = "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A good checkpoint in one file."""
    return write_checkpoint(tmp_path / "source")


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A good checkpoint in two shards with an index."""
    return write_checkpoint(tmp_path / "source", shards=2)


def test_a_folder_that_is_none_or_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    refuse(tmp_path / "nowhere", "is not a folder")
    refuse(tmp_path / "file", "is not a folder")
    refuse(tmp_path / "empty", "holds no config.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "7", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "\ufeff{}"]
)
def test_a_config_that_is_no_json_object_is_refused(source: Path, text: str) -> None:
    (source / "config.json").write_text(text, encoding="utf-8")
    refuse(source, "config.json is not")


def test_a_config_that_is_not_text_is_refused(source: Path) -> None:
    (source / "config.json").write_bytes(b"\xff\xfe\x00")
    refuse(source, "config.json is not readable JSON")


def test_a_folder_without_weights_is_refused(source: Path) -> None:
    (source / MODEL).unlink()
    refuse(source, "holds no *.safetensors file")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_a_pickle_is_never_read(source: Path, name: str) -> None:
    (source / MODEL).rename(source / name)
    refuse(source, f"holds only pickled weights ({name})")


def test_a_missing_shard_is_refused(sharded: Path) -> None:
    (sharded / SECOND).unlink()
    refuse(sharded, f"shard {SECOND} is missing")


def test_a_missing_shard_is_noticed_without_an_index(sharded: Path) -> None:
    (sharded / SECOND).unlink()
    (sharded / INDEX).unlink()
    refuse(sharded, "the checkpoint has no tensor ")


@pytest.mark.parametrize("gone", [1, 2, 1000, 100_000])
def test_a_truncated_shard_is_refused(sharded: Path, gone: int) -> None:
    os.truncate(sharded / FIRST, (sharded / FIRST).stat().st_size - gone)
    refuse(sharded, f"{FIRST} ends at byte ")


@pytest.mark.parametrize("size", [0, 7, 100])
def test_a_shard_cut_in_its_header_is_refused(sharded: Path, size: int) -> None:
    os.truncate(sharded / FIRST, size)
    refuse(sharded, f"{FIRST} claims a header of ")


def test_a_header_of_absurd_size_is_refused(source: Path) -> None:
    with (source / MODEL).open("r+b") as stream:
        stream.write((1 << 62).to_bytes(8, "little"))
    refuse(source, f"claims a header of {1 << 62} bytes")


def test_an_absurd_shape_is_refused(source: Path) -> None:
    rewrite(source / MODEL, lambda table: table[EMBEDDING].update(shape=[1 << 40, 1 << 40]))
    refuse(source, f"gives tensor {EMBEDDING} of shape [1099511627776, 1099511627776]")


def test_overlapping_tensors_are_refused(source: Path) -> None:
    def overlap(table: dict[str, Any]) -> None:
        bias = table["model.layers.0.self_attn.k_proj.bias"]
        bias["data_offsets"] = table["model.layers.0.self_attn.v_proj.bias"]["data_offsets"]

    rewrite(source / MODEL, overlap)
    refuse(source, "where byte ")


def test_a_header_of_garbage_is_refused(source: Path) -> None:
    with (source / MODEL).open("r+b") as stream:
        stream.seek(8)
        stream.write(b"\x00garbage")
    refuse(source, "has an unreadable header")


@needs_links
def test_a_link_without_its_file_is_refused(source: Path) -> None:
    (source / MODEL).unlink()
    (source / MODEL).symlink_to(source / "gone")
    refuse(source, f"shard {MODEL} is missing")


def test_a_shard_that_is_a_folder_is_refused(source: Path) -> None:
    (source / MODEL).unlink()
    (source / MODEL).mkdir()
    refuse(source, f"shard {MODEL} is missing")


def test_a_shard_that_may_not_be_read_is_refused(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(file: Path) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("ovglm_export.checkpoint_files.read_header", forbid)
    refuse(source, f"{MODEL} cannot be read: Permission denied")


def test_an_index_that_names_an_absent_tensor_is_refused(sharded: Path) -> None:
    table = json.loads((sharded / INDEX).read_text(encoding="utf-8"))["weight_map"]
    edit(sharded / INDEX, weight_map={**table, "model.more.weight": FIRST})
    refuse(sharded, f"{INDEX} names model.more.weight, absent from {FIRST}")


def test_an_index_that_names_the_wrong_shard_is_refused(sharded: Path) -> None:
    table = json.loads((sharded / INDEX).read_text(encoding="utf-8"))["weight_map"]
    swapped = {name: SECOND if file == FIRST else FIRST for name, file in table.items()}
    edit(sharded / INDEX, weight_map=swapped)
    refuse(sharded, "absent from model-0000")


@pytest.mark.parametrize("value", [ABSENT, None, [], "x", {"a": 1}, {"a": None}])
def test_an_index_without_a_table_is_refused(sharded: Path, value: object) -> None:
    edit(sharded / INDEX, weight_map=value)
    refuse(sharded, f"{INDEX} has no weight_map")


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "a/../../outside.safetensors", "..", ".", "", "/etc/passwd",
     "..\\outside.safetensors", "sub\\a.safetensors", "C:\\outside.safetensors", "sub/a"],
)  # fmt: skip
def test_an_index_cannot_lead_out_of_the_folder(sharded: Path, name: str) -> None:
    (sharded / FIRST).rename(sharded.parent / "outside.safetensors")
    table = json.loads((sharded / INDEX).read_text(encoding="utf-8"))["weight_map"]
    moved = {tensor: name if file == FIRST else file for tensor, file in table.items()}
    edit(sharded / INDEX, weight_map=moved)
    refuse(sharded, f"names a file outside the folder: {name!r}")


def test_a_tensor_in_two_shards_is_refused(sharded: Path) -> None:
    def add(table: dict[str, Any]) -> None:
        end = max(row["data_offsets"][1] for name, row in table.items() if name[0] != "_")
        table["lm_head.weight"] = {"dtype": "BF16", "shape": [1], "data_offsets": [end, end + 2]}

    holder = read_header(sharded / FIRST)
    other = sharded / (SECOND if "lm_head.weight" in holder else FIRST)
    rewrite(other, add, b"\0\0")
    refuse(sharded, f"tensor lm_head.weight stands in {FIRST} and in {SECOND}")


def test_a_second_copy_of_the_weights_is_refused(source: Path) -> None:
    shutil.copy(source / MODEL, source / "copy.safetensors")
    refuse(source, "stands in copy.safetensors and in model.safetensors")
