"""One safetensors file, memory-mapped; its header is checked before a byte is trusted."""

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ovglm.errors import CheckpointError

__all__ = [
    "FLOAT_TYPES",
    "TensorInfo",
    "map_tensor",
    "parse_header",
    "read_header",
    "tensor_bytes",
]

# safetensors' name -> the numpy type that holds the raw values; bf16 has no numpy type of its own.
FLOAT_TYPES: dict[str, type] = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
# The format's own limit for a header (safetensors, "MAX_HEADER_SIZE").
_MAX_HEADER_BYTES = 100_000_000
_INTACT = "copy or download this file again: it is damaged or was cut short"
# How the small text file begins that git leaves where git-lfs is not installed.
_POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies: its file, its type name, its shape and the byte offset of its data."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int


def read_header(file: Path) -> dict[str, TensorInfo]:
    """Read the tensor table of a safetensors file.

    Raises what parse_header raises.
    """
    with file.open("rb") as stream:

        def read(start: int, length: int) -> bytes:
            stream.seek(start)
            return stream.read(length)

        return parse_header(file, file.stat().st_size, read)


def parse_header(file: Path, size: int, read: Callable[[int, int], bytes]) -> dict[str, TensorInfo]:
    """Parse the tensor table of a safetensors file that may lie elsewhere, or come later.

    file: its path here. size: its bytes. read: gives `length` of them from `start` on.
    Raises CheckpointError where the header is no header, or where the tensors do not fill the
    file one after the other without a gap, as the format demands.
    """
    start = read(0, len(_POINTER))
    length = struct.unpack("<Q", start[:8])[0] if len(start) >= 8 else 0
    if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
        raise _no_header(file, start, length, size)
    table = _parse_table(file, read(8, length))
    rows = {name: _read_row(file, name, row) for name, row in table.items()}
    _check_layout(file, rows, size - 8 - length)
    return {
        name: TensorInfo(file, row.dtype, row.shape, 8 + length + row.begin)
        for name, row in rows.items()
    }


def tensor_bytes(info: TensorInfo) -> int:
    """Return the bytes of a tensor of a float type."""
    return math.prod(info.shape) * np.dtype(FLOAT_TYPES[info.dtype]).itemsize


def map_tensor(info: TensorInfo) -> np.ndarray:
    """Map a tensor without reading it: a read-only array of its shape; bf16 as its uint16 bits."""
    return np.memmap(
        info.file, FLOAT_TYPES[info.dtype], mode="r", offset=info.offset, shape=info.shape
    )


@dataclass(frozen=True)
class _Row:
    """One row of the table; begin and end count bytes from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def _no_header(file: Path, start: bytes, length: int, size: int) -> CheckpointError:
    """Say what the file is instead."""
    if start == _POINTER:
        return CheckpointError(
            f"{file.name} is only a git-lfs pointer of {size} bytes",
            f"git -C {file.parent} lfs pull",
        )
    return CheckpointError(
        f"{file.name} claims a header of {length} bytes in a file of {size} bytes", _INTACT
    )


def _parse_table(file: Path, raw: bytes) -> dict[str, Any]:
    """Parse the header's JSON."""
    try:
        table = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file.name} has an unreadable header: {error}", _INTACT) from error
    if not isinstance(table, dict):
        raise CheckpointError(f"{file.name} has a header that is not a table", _INTACT)
    table.pop("__metadata__", None)
    return table


def _read_row(file: Path, name: str, row: Any) -> _Row:
    """Read one row and hold its bytes against its shape and type."""
    broken = CheckpointError(f"{file.name} has a broken entry for tensor {name}", _INTACT)
    try:
        dtype, shape, (begin, end) = row["dtype"], row["shape"], row["data_offsets"]
        numbers = [*shape, begin, end]
    except (KeyError, TypeError, ValueError) as error:
        raise broken from error
    if not isinstance(dtype, str) or any(type(n) is not int or n < 0 for n in numbers):
        raise broken
    if begin > end:
        raise broken
    known = FLOAT_TYPES.get(dtype)
    if known and end - begin != math.prod(shape) * np.dtype(known).itemsize:
        raise CheckpointError(
            f"{file.name} gives tensor {name} of shape {shape} and type {dtype} "
            f"{end - begin} bytes",
            _INTACT,
        )
    return _Row(dtype, tuple(shape), begin, end)


def _check_layout(file: Path, rows: dict[str, _Row], data_bytes: int) -> None:
    """Refuse tensors that overlap, leave a gap or lie beyond the file."""
    reached = 0
    for name, row in sorted(rows.items(), key=lambda item: (item[1].begin, item[1].end)):
        if row.begin != reached:
            raise CheckpointError(
                f"{file.name} puts tensor {name} at byte {row.begin}, where byte {reached} is next",
                _INTACT,
            )
        if row.end > data_bytes:
            raise CheckpointError(
                f"{file.name} ends at byte {data_bytes} of its data, "
                f"before byte {row.end} of tensor {name}",
                _INTACT,
            )
        reached = row.end
    if reached != data_bytes:
        raise CheckpointError(
            f"{file.name} holds {data_bytes - reached} bytes behind its last tensor", _INTACT
        )
