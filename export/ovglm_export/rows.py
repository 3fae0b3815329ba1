"""Compresses the embedding and the head in bands of rows; memory does not grow with the vocabulary.

Rounding is per row, so the bands together are bit for bit what NNCF gives on the whole matrix.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino import Node, PartialShape, Type

from ovglm.recipe import MatrixFormat
from ovglm_export.checkpoint import Weight
from ovglm_export.compress import compress_matrices
from ovglm_export.graph import linear, make_model, weight_node

__all__ = ["compress_rows"]

# Values of a band; NNCF works on a float32 copy and its results, about 12 bytes a value.
_BAND_VALUES = 16 << 20


@dataclass
class _Table:
    """One constant of the decompression, grown band by band in a file that is then mapped."""

    path: Path
    dtype: Type
    tail: tuple[int, ...]
    rows: int = 0

    def append(self, constant: ov.op.Constant) -> None:
        """Add a band's rows."""
        with self.path.open("ab") as stream:
            stream.write(np.ascontiguousarray(constant.data).view(np.uint8).tobytes())
        self.rows += constant.get_output_shape(0)[0]

    def node(self, name: str, alive: list[np.ndarray]) -> Node:
        """Map the file as one constant."""
        data = np.memmap(self.path, np.uint8, mode="r")
        alive.append(data)
        shape = ov.Shape([self.rows, *self.tail])
        node = ov.op.Constant(ov.Tensor(data, shape, self.dtype), shared_memory=True)
        node.set_friendly_name(name)
        return node


def compress_rows(
    weight: Weight, wanted: MatrixFormat, name: str, scratch: Path, alive: list[np.ndarray]
) -> Node:
    """Make the node of a matrix [rows, width] in its format; gives float32.

    scratch: a folder for files that are mapped; alive: takes the arrays that share memory with
    the node. Both must live as long as the model that uses the node.
    """
    alive.append(weight.data)
    if wanted.kind == "float":
        return weight_node(weight, name)
    tables: dict[str, _Table] = {}
    rows, width = weight.shape
    step = max(1, _BAND_VALUES // width)
    for start in range(0, rows, step):
        band = Weight(weight.data[start : start + step], weight.dtype)
        for role, constant in _compressed_constants(band, wanted, name).items():
            if role not in tables:
                path = scratch / f"{name}.{role}.raw"
                path.unlink(missing_ok=True)
                tail = tuple(constant.get_output_shape(0))[1:]
                tables[role] = _Table(path, constant.get_element_type(), tail)
            tables[role].append(constant)
    return _decompression(tables, name, weight.shape, alive)


def _compressed_constants(
    band: Weight, wanted: MatrixFormat, name: str
) -> dict[str, ov.op.Constant]:
    """Compress one band and pick out its values, scale and, if asymmetric, zero_point."""
    x = ops.parameter(PartialShape([-1, band.shape[1]]), Type.f32)
    matmul = linear(x, weight_node(band, name), "lm_head")
    model = compress_matrices(make_model([ops.result(matmul)], [x], "band"), {"lm_head": wanted})
    roles = {name: "values", f"{name}/scale": "scale", f"{name}/zero_point": "zero_point"}
    return {
        roles[op.get_friendly_name()]: op
        for op in model.get_ordered_ops()
        if op.get_type_name() == "Constant" and op.get_friendly_name() in roles
    }


def _decompression(
    tables: dict[str, _Table], name: str, shape: tuple[int, ...], alive: list[np.ndarray]
) -> Node:
    """Write the subgraph that NNCF writes: (values - zero point) * scale, in f16, then float32."""
    value = ops.convert(tables["values"].node(name, alive), "f16")
    if "zero_point" in tables:
        zero = ops.convert(tables["zero_point"].node(f"{name}/zero_point", alive), "f16")
        value = ops.subtract(value, zero, name=f"{name}/zero_point/subtract")
    scale = tables["scale"].node(f"{name}/scale", alive)
    value = ops.multiply(value, scale, name=f"{name}/fq_weights_1")
    if len(tables["values"].tail) > 1:
        value = ops.reshape(value, ops.constant(np.array(shape, np.int64)), False)
    return ops.convert(value, "f32", name=f"{name}/convert")
