"""The manifest comes back as it was written, and finds every file that changed since."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ovglm.errors import FolderError, OvglmError
from ovglm.manifest import (
    FILE_NAME,
    FileSum,
    Golden,
    Manifest,
    MatrixCount,
    Source,
    check_files,
    file_sha256,
    read_manifest,
    write_manifest,
)
from ovglm.recipe import Recipe

CONTENTS = {"openvino_model.bin": b"weights" * 1000, "config.json": b"{}", "empty": b""}


def make_manifest() -> Manifest:
    sums = {
        name: FileSum(len(data), hashlib.sha256(data).hexdigest())
        for name, data in CONTENTS.items()
    }
    return Manifest(
        model="智谱 model",
        family="glm",
        dialect="glm4",
        exporter="native",
        context_length=512,
        stop_ids=(1, 2, 3),
        source=Source("model", {"model.safetensors": FileSum(5, "ab")}, "owner/name", "main"),
        recipe=Recipe(ratio=0.8, symmetric=False),
        devices={"CPU": "", "GPU": "", "NPU": "the NPU wants symmetric INT4"},
        matrices=(MatrixCount("q_proj", "int4 sym g128", 2, 100),),
        notes=("a note",),
        golden=(Golden((1, 2), (3,)), Golden((4,), (5, 6))),
        files=sums,
        versions={"ovglm": "0.1.0"},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exported folder."""
    for name, data in CONTENTS.items():
        (tmp_path / name).write_bytes(data)
    write_manifest(tmp_path, make_manifest())
    return tmp_path


def test_it_comes_back_as_it_was_written(folder: Path) -> None:
    assert read_manifest(folder) == make_manifest()
    assert read_manifest(folder).size_bytes == 7002


def test_it_is_utf8_with_unix_line_ends_on_every_system(folder: Path) -> None:
    raw = (folder / FILE_NAME).read_bytes()
    assert "智谱 model".encode() in raw
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw


def test_an_intact_folder_has_no_problems(folder: Path) -> None:
    assert check_files(folder, read_manifest(folder)) == []


@pytest.mark.parametrize("at", [0, 3500, 6999])
def test_one_flipped_bit_is_found(folder: Path, at: int) -> None:
    data = bytearray(CONTENTS["openvino_model.bin"])
    data[at] ^= 1
    (folder / "openvino_model.bin").write_bytes(data)
    problems = check_files(folder, read_manifest(folder))
    assert problems == ["openvino_model.bin has changed since the export"]


def test_every_absent_or_shortened_file_is_listed(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "empty").write_bytes(b"x")
    assert check_files(folder, read_manifest(folder)) == [
        "config.json is missing",
        "empty has 1 bytes, not 0",
    ]


def test_a_sum_does_not_depend_on_the_buffer(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096 + b"tail"
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_a_folder_without_it_is_no_finished_export(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="it is no finished export") as caught:
        read_manifest(tmp_path)
    assert caught.value.hint == f"ovglm export CHECKPOINT -o {tmp_path}"


def rewrite(folder: Path, changes: dict[str, Any]) -> None:
    raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    (folder / FILE_NAME).write_text(json.dumps({**raw, **changes}), encoding="utf-8")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version_is_named(folder: Path, version: object) -> None:
    rewrite(folder, {"format_version": version})
    with pytest.raises(FolderError, match=f"is of format version {version}; .* reads 1"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", "{}", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_garbage_is_refused_in_one_sentence(folder: Path, text: str) -> None:
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(FolderError, match="is not a readable manifest") as caught:
        read_manifest(folder)
    assert caught.value.hint


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(FolderError, match="is not a readable manifest"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"source": None},
        {"source": {"name": "x"}},
        {"recipe": []},
        {"recipe": {"weights": "int3"}},
        {"recipe": {"unknown": 1}},
        {"golden": [1]},
        {"golden": [{"prompt": 1, "tokens": []}]},
        {"matrices": [{}]},
        {"files": []},
        {"files": {"a": {"size": 1}}},
        {"stop_ids": None},
    ],
)
def test_a_field_of_another_shape_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    rewrite(folder, changes)
    with pytest.raises(OvglmError) as caught:
        read_manifest(folder)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["model", "family", "recipe", "files", "golden", "versions"])
def test_no_field_may_be_absent(folder: Path, name: str) -> None:
    raw = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    del raw[name]
    (folder / FILE_NAME).write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(FolderError, match=f"KeyError\\('{name}'\\)"):
        read_manifest(folder)


def test_a_field_that_a_later_version_adds_is_skipped(folder: Path) -> None:
    rewrite(folder, {"later": 1})
    assert read_manifest(folder) == make_manifest()
    assert replace(make_manifest(), model="x") != make_manifest()
