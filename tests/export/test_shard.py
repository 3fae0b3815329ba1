"""A safetensors header is believed only where the file bears it out."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from ovglm.errors import CheckpointError
from ovglm_export.checkpoint import Weight
from ovglm_export.shard import map_tensor, read_header
from tiny_glm import write_safetensors

ROW = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


def write_raw(file: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    """Write a safetensors file of any header; length: what it claims, where that is not true."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(raw) if length is None else length
    file.write_bytes(size.to_bytes(8, "little") + raw + data)
    return file


def refuse(file: Path, words: str) -> None:
    """Expect one sentence with these words, and a hint."""
    with pytest.raises(CheckpointError) as caught:
        read_header(file)
    assert words in caught.value.message
    assert file.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.float32])
def test_tensors_come_back_as_they_were_written(tmp_path: Path, dtype: type) -> None:
    tensors = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3).astype(dtype),
        "b": np.array([-1.5, 0.25], np.float32).astype(dtype),
    }
    file = tmp_path / "model.safetensors"
    write_safetensors(file, tensors)
    table = read_header(file)
    assert list(table) == ["a", "b"]
    for name, wanted in tensors.items():
        found = map_tensor(table[name])
        assert found.shape == wanted.shape
        assert not found.flags.writeable
        weight = Weight(found, table[name].dtype)
        assert np.array_equal(weight.as_float32(), wanted.astype(np.float32))


def test_data_at_an_odd_offset_is_read(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32)
    raw = json.dumps({"a": {**ROW, "shape": [4]}}).encode()
    odd = raw + b" " * (len(raw) % 2 + 1)
    file = write_raw(tmp_path / "model.safetensors", odd, values.tobytes())
    assert (8 + len(odd)) % 2
    assert np.array_equal(map_tensor(read_header(file)["a"]), values)


@pytest.mark.skipif(sys.platform == "win32", reason="a file is not sparse by itself there")
def test_a_header_is_read_without_the_data(tmp_path: Path) -> None:
    size = 1 << 36
    header = {"a": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}}
    file = write_raw(tmp_path / "model.safetensors", header)
    os.truncate(file, file.stat().st_size + size)  # sparse: it takes no room on the disk
    assert map_tensor(read_header(file)["a"])[-1] == 0


@pytest.mark.parametrize("size", [0, 3, 8, 9])
def test_a_file_too_short_for_a_header_is_refused(tmp_path: Path, size: int) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(bytes([200, *bytes(8)])[:size])
    refuse(file, f"in a file of {size} bytes")


@pytest.mark.parametrize("length", [0, 1, 500, 100_000_001, 1 << 40, (1 << 64) - 1])
def test_an_absurd_header_size_is_refused(tmp_path: Path, length: int) -> None:
    refuse(write_raw(tmp_path / "a.safetensors", {}, b"", length), f"a header of {length} bytes")


def test_a_huge_header_is_refused_though_the_file_is_huge_too(tmp_path: Path) -> None:
    file = write_raw(tmp_path / "a.safetensors", {}, b"", 100_000_001)
    os.truncate(file, 1 << 30)
    refuse(file, "a header of 100000001 bytes")


def test_a_git_lfs_pointer_is_called_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    refuse(file, "git-lfs pointer of 63 bytes")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{garbage", "unreadable header"),
        (b"\xff\xfe{}", "unreadable header"),
        (b"[" * 100_000, "unreadable header"),
        (b'{"a":' * 50_000, "unreadable header"),
        (b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b"]}}", "unreadable header"),
        ([], "not a table"),
        ("x", "not a table"),
    ],
)
def test_a_header_of_garbage_is_refused(tmp_path: Path, header: object, words: str) -> None:
    refuse(write_raw(tmp_path / "a.safetensors", header, bytes(16)), words)


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        "row",
        [],
        {},
        {**ROW, "dtype": 7},
        {**ROW, "dtype": None},
        {**ROW, "shape": 4},
        {**ROW, "shape": [2.0, 2]},
        {**ROW, "shape": ["2", 2]},
        {**ROW, "shape": [-2, -2]},
        {**ROW, "shape": [True, 4]},
        {**ROW, "shape": [float("inf")]},
        {**ROW, "shape": None},
        {**ROW, "data_offsets": [0]},
        {**ROW, "data_offsets": [0, 8, 16]},
        {**ROW, "data_offsets": [-16, 0]},
        {**ROW, "data_offsets": [16, 0]},
        {**ROW, "data_offsets": ["0", "16"]},
        {**ROW, "data_offsets": {"begin": 0}},
    ],
)
def test_a_broken_row_is_refused_by_the_tensor_s_name(tmp_path: Path, row: object) -> None:
    file = write_raw(tmp_path / "a.safetensors", {"mine": row}, bytes(16))
    refuse(file, "broken entry for tensor mine")


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "shape": [3, 2]},
        {**ROW, "shape": [1 << 62, 1 << 62]},
        {**ROW, "dtype": "BF16"},
        {**ROW, "shape": []},
    ],
)
def test_a_tensor_that_does_not_fill_its_bytes_is_refused(tmp_path: Path, row: object) -> None:
    refuse(write_raw(tmp_path / "a.safetensors", {"mine": row}, bytes(16)), "gives tensor mine")


def two(first: list[int], second: list[int]) -> dict[str, Any]:
    """Make a table of two byte tensors."""
    rows = {"a": first, "b": second}
    return {name: {"dtype": "U8", "shape": [1], "data_offsets": at} for name, at in rows.items()}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (two([0, 16], [8, 16]), "tensor b at byte 8, where byte 16 is next"),
        (two([0, 16], [0, 16]), "tensor b at byte 0, where byte 16 is next"),
        (two([0, 4], [8, 16]), "tensor b at byte 8, where byte 4 is next"),
        (two([4, 8], [8, 16]), "tensor a at byte 4, where byte 0 is next"),
        (two([0, 8], [8, 17]), "ends at byte 16 of its data, before byte 17 of tensor b"),
        (two([0, 8], [8, 1 << 60]), "ends at byte 16"),
        (two([0, 8], [8, 15]), "holds 1 bytes behind its last tensor"),
        ({}, "holds 16 bytes behind its last tensor"),
    ],
)
def test_tensors_that_do_not_lie_side_by_side_are_refused(
    tmp_path: Path, table: dict[str, Any], words: str
) -> None:
    refuse(write_raw(tmp_path / "a.safetensors", table, bytes(16)), words)


VALUES = [0.0, -0.0, 1.0, -1.0, 3e38, -3e38, 1e-38]
BROKEN_BITS = {
    "BF16": (np.uint16, [0x7F80, 0xFF80, 0x7FC0, 0xFFC0, 0x7F81, 0xFF81, 0x7FFF, 0xFFFF]),
    "F16": (np.uint16, [0x7C00, 0xFC00, 0x7E00, 0xFE00, 0x7C01, 0xFC01]),
    "F32": (np.uint32, [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001]),
}
NUMPY_TYPES = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}


@pytest.mark.parametrize("dtype", NUMPY_TYPES)
def test_every_nan_and_infinity_is_found_wherever_it_lies(dtype: str) -> None:
    bits, broken = BROKEN_BITS[dtype]
    kind = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32}[dtype]
    with np.errstate(over="ignore"):
        pattern = np.clip(np.array(VALUES), *((-65504, 65504) if dtype == "F16" else (None, None)))
    data = np.resize(pattern.astype(kind), (1100, 1000)).view(bits)
    assert Weight(data.view(NUMPY_TYPES[dtype]), dtype).is_finite()
    places = [(0, 0), (524, 288), (1099, 999)]
    for place, value in [(place, value) for place in places for value in broken]:
        hurt = data.copy()
        hurt[place] = value
        assert not Weight(hurt.view(NUMPY_TYPES[dtype]), dtype).is_finite(), (place, hex(value))
