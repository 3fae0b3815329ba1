"""Stores a matrix as INT4 or INT8: NNCF rounds it, band by band of rows, and this writes the graph.

Rounding is per row and group, so the bands together are bit for bit what
`nncf.compress_weights` gives on the whole network, in the memory of one band.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from nncf.parameters import CompressWeightsMode
from nncf.quantization.algorithms.weight_compression.config import WeightCompressionConfig
from nncf.quantization.algorithms.weight_compression.constants import (
    MIN_INPUT_SIZE_FOR_OPTIMIZED_COMPRESSION,
)
from nncf.quantization.algorithms.weight_compression.weight_lowering import (
    CompressedWeight,
    compress_weight,
    get_integer_quantization_error,
)
from nncf.tensor import Tensor
from nncf.tensor import functions as fns
from openvino import Node, Type

from ovglm.errors import CheckpointError
from ovglm.recipe import MatrixFormat
from ovglm_export.checkpoint import Weight
from ovglm_export.graph import OV_TYPES, constant_node, weight_node

__all__ = ["MatrixTables", "compressed_node", "int8_sensitivity"]

# Values of a band: its float32 copies stay near the size of a processor's last cache.
_BAND_VALUES = 4 << 20
# NNCF computes smaller inputs in another way, so no smaller band is cut from a larger matrix.
_SMALLEST_BAND = MIN_INPUT_SIZE_FOR_OPTIMIZED_COMPRESSION
# Tables from this size on lie in a mapped file instead of memory.
_MAPPED_BYTES = 256 << 20
_MODES = {
    ("int4", True): CompressWeightsMode.INT4_SYM,
    ("int4", False): CompressWeightsMode.INT4_ASYM,
    ("int8", True): CompressWeightsMode.INT8_SYM,
    ("int8", False): CompressWeightsMode.INT8_ASYM,
}
_VALUE_TYPES = {
    ("int4", True): Type.i4,
    ("int4", False): Type.u4,
    ("int8", True): Type.i8,
    ("int8", False): Type.u8,
}


def compressed_node(
    weight: Weight, wanted: MatrixFormat, name: str, scratch: Path, alive: list[np.ndarray]
) -> Node:
    """Make the node of a matrix [rows, width] in its format; it gives float32.

    scratch: a folder for large tables. alive: takes the arrays that share memory with the node.
    Both must live as long as the model that uses the node.
    """
    if wanted.kind == "float":
        alive.append(weight.data)
        return weight_node(weight, name)
    config = WeightCompressionConfig(_MODES[wanted.kind, wanted.symmetric], wanted.group_size)
    tables = MatrixTables(weight.shape, wanted, scratch / name)
    for band in _bands(weight):
        tables.append(compress_weight(band, (1,), config))
    return tables.node(name, alive)


def int8_sensitivity(weight: Weight) -> float:
    """Return NNCF's data-free sensitivity of a matrix: 1 / (INT8 error + eps).

    The error is the largest mean square error of a row. NNCF ranks matrices by this for mixed
    precision (`DataFreeCriterion`): the higher it is, the sooner a matrix is kept from INT4.
    """
    error, eps = 0.0, 0.0
    for band in _bands(weight):
        found = get_integer_quantization_error(band, (1,), WeightCompressionConfig(), "max_mean")
        error, eps = max(error, float(found)), float(fns.finfo(band).eps)
    return 1 / (error + eps)


class MatrixTables:
    """The constants of a matrix under construction: values, scales and, if asymmetric, zeros."""

    def __init__(self, shape: tuple[int, ...], wanted: MatrixFormat, path: Path) -> None:
        rows, width = shape
        group = width if wanted.group_size == -1 else wanted.group_size
        self._name = path.name
        self._matrix_shape = shape
        self._bits = 4 if wanted.kind == "int4" else 8
        self._type = _VALUE_TYPES[wanted.kind, wanted.symmetric]
        self._shape = shape if wanted.group_size == -1 else (rows, width // group, group)
        self._scale_shape = (*self._shape[:-1], 1)
        scales = rows * width // group
        per_byte = 8 // self._bits
        self._values = _Table(-(-rows * width // per_byte), path.with_suffix(".values"))
        self._scales = _Table(scales * 2, path.with_suffix(".scales"))
        self._zeros: _Table | None = None
        if not wanted.symmetric:
            self._zeros = _Table(-(-scales // per_byte), path.with_suffix(".zeros"))

    def append(self, result: CompressedWeight) -> None:
        """Add what NNCF gave for a band."""
        assert result.tensor is not None and result.scale is not None
        self._values.append(_raw(result.tensor, self._bits))
        self._append_scales(result.scale.as_numpy_tensor().data)
        if self._zeros is not None:
            assert result.zero_point is not None
            self._zeros.append(_raw(result.zero_point, self._bits))

    def append_rows(self, values: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None) -> None:
        """Add a band that was computed here: an even number of rows unless it is the last one.

        values: integers [rows, width]; scales: float [rows, groups]; zeros: integers
        [rows, groups] where the format has them.
        """
        self._values.append(_packed(values, self._bits))
        self._append_scales(np.ascontiguousarray(scales))
        if self._zeros is not None:
            assert zeros is not None
            self._zeros.append(_packed(zeros, self._bits))

    def _append_scales(self, scales: np.ndarray) -> None:
        """Add float scales; raises CheckpointError for what float16 cannot hold."""
        with np.errstate(over="ignore"):
            halves = scales.astype(np.float16)
        if not np.isfinite(halves).all():
            raise CheckpointError(
                f"{self._name} has weights that need a scale of {np.abs(scales).max():.3g}, and "
                f"float16 ends at {np.finfo(np.float16).max}",
                "download this file again; if it stays so, --weights bf16 keeps them as they are",
            )
        self._scales.append(halves.view(np.uint8))

    def node(self, name: str, alive: list[np.ndarray]) -> Node:
        """Write the graph that NNCF writes: (values - zeros) * scales in f16, then float32."""
        node = ops.convert(self._values.node(self._shape, self._type, name, alive), "f16")
        if self._zeros is not None:
            zero_name = f"{name}/zero_point"
            zeros = self._zeros.node(self._scale_shape, self._type, zero_name, alive)
            node = ops.subtract(node, ops.convert(zeros, "f16"), name=f"{zero_name}/subtract")
        scales = self._scales.node(self._scale_shape, Type.f16, f"{name}/scale", alive)
        node = ops.multiply(node, scales, name=f"{name}/fq_weights_1")
        if len(self._shape) > 2:
            node = ops.reshape(node, ops.constant(np.array(self._matrix_shape, np.int64)), False)
        return ops.convert(node, "f32", name=f"{name}/convert")


class _Table:
    """One constant's bytes: in memory, or in a mapped file when they are many."""

    def __init__(self, size: int, path: Path) -> None:
        self._filled = 0
        if size < _MAPPED_BYTES:
            self._data = np.empty(size, np.uint8)
        else:
            self._data = np.memmap(path, np.uint8, mode="w+", shape=(size,))

    def append(self, raw: np.ndarray) -> None:
        """Add the bytes of a band."""
        flat = raw.reshape(-1)
        self._data[self._filled : self._filled + flat.size] = flat
        self._filled += flat.size

    def node(self, shape: tuple[int, ...], dtype: Type, name: str, alive: list[np.ndarray]) -> Node:
        """Make a constant that shares this memory."""
        assert self._filled == self._data.size
        alive.append(self._data)
        return constant_node(self._data, shape, dtype, name)


def _bands(weight: Weight) -> Iterator[Tensor]:
    """Cut a matrix into bands of an even number of rows, as NNCF takes them.

    An even number, so that a band of 4-bit values ends with a whole byte.
    """
    rows, width = weight.shape
    step = max(2, _BAND_VALUES // width // 2 * 2)
    start = 0
    while start < rows:
        stop = start + step
        if (rows - stop) * width < _SMALLEST_BAND:
            stop = rows
        # A copy: NNCF's cached models hold their last input, which would keep the file mapped.
        data = np.array(weight.data[start:stop])
        yield Tensor(ov.Tensor(data, ov.Shape(list(data.shape)), OV_TYPES[weight.dtype]))
        start = stop


def _raw(tensor: Tensor, bits: int) -> np.ndarray:
    """Return the bytes of the values; NNCF gives 4-bit ones packed, but for small inputs not."""
    data = tensor.data
    if isinstance(data, ov.Tensor):
        return data.data.view(np.uint8)
    return _packed(data, bits)


def _packed(data: np.ndarray, bits: int) -> np.ndarray:
    """Return the bytes of integers: modulo 256 or 16 those of signed ones stay the same."""
    flat = data.astype(np.uint8).reshape(-1)
    if bits == 8:
        return flat
    nibbles = np.append(flat, np.zeros(flat.size % 2, np.uint8)) & 15
    return nibbles[::2] | nibbles[1::2] << 4
