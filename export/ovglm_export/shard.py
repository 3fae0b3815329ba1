"""One safetensors file, memory-mapped; its header is checked before a byte is trusted."""

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ovglm.errors import CheckpointError

__all__ = ["FLOAT_TYPES", "TensorInfo", "map_tensor", "read_header"]

# safetensors' name -> the numpy type that holds the raw values; bf16 has no numpy type of its own.
FLOAT_TYPES: dict[str, type] = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}
# The format's own limit for a header (safetensors, "MAX_HEADER_SIZE").
_MAX_HEADER_BYTES = 100_000_000
_INTACT = "copy or download this file again: it is damaged or was cut short"


@dataclass(frozen=True)
class TensorInfo:
    """Where one tensor lies: its file, its type name, its shape and the byte offset of its data."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int


def read_header(file: Path) -> dict[str, TensorInfo]:
    """Read the tensor table of a safetensors file.

    Raises CheckpointError where the header is no header, or names data outside the file.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise CheckpointError(
                f"{file.name} claims a header of {length} bytes in a file of {size} bytes", _INTACT
            )
        raw = stream.read(length)
    try:
        table = json.loads(raw)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{file.name} has an unreadable header: {error}", _INTACT) from error
    if not isinstance(table, dict):
        raise CheckpointError(f"{file.name} has a header that is not a table", _INTACT)
    table.pop("__metadata__", None)
    return {name: _tensor_info(file, name, entry, 8 + length) for name, entry in table.items()}


def map_tensor(info: TensorInfo) -> np.ndarray:
    """Map a tensor without reading it: a read-only array of its shape; bf16 as its uint16 bits."""
    return np.memmap(
        info.file, FLOAT_TYPES[info.dtype], mode="r", offset=info.offset, shape=info.shape
    )


def _tensor_info(file: Path, name: str, entry: Any, data_start: int) -> TensorInfo:
    """Check one row of the table against the file's size and the type's width."""
    try:
        dtype, shape = str(entry["dtype"]), tuple(int(n) for n in entry["shape"])
        begin, end = (int(n) for n in entry["data_offsets"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{file.name}: tensor {name} has a broken entry", _INTACT) from error
    if not 0 <= begin <= end <= file.stat().st_size - data_start or min(shape, default=0) < 0:
        raise CheckpointError(
            f"{file.name} ends before its tensor {name} (bytes {begin} to {end})", _INTACT
        )
    if (
        dtype in FLOAT_TYPES
        and end - begin != math.prod(shape) * np.dtype(FLOAT_TYPES[dtype]).itemsize
    ):
        raise CheckpointError(
            f"{file.name}: tensor {name} of shape {list(shape)} and type {dtype} does not fill "
            f"its {end - begin} bytes",
            _INTACT,
        )
    return TensorInfo(file, dtype, shape, data_start + begin)
