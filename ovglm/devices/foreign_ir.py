"""Reads from an IR how each matrix is stored, by walking from its MatMul or Gather to the constant.

Compiles nothing. The weights stay on disk.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import openvino as ov

from ovglm.errors import FolderError
from ovglm.recipe import MatrixFormat

__all__ = ["StoredMatrix", "read_matrices"]

_BITS = {"i4": "int4", "u4": "int4", "nf4": "int4", "i8": "int8", "u8": "int8"}
# What stands between a stored matrix and its use: decompression, as NNCF writes it.
_DECOMPRESSION = ("Convert", "Reshape", "Multiply", "Subtract")
_WEIGHT_PORT = {"MatMul": 1, "Gather": 0}


@dataclass(frozen=True)
class StoredMatrix:
    """One matrix: how it is stored, how many rows and weights it has.

    dtype: the constant's own type, such as i4, nf4 or f16. is_embedding: rows are looked up.
    """

    format: MatrixFormat
    dtype: str
    rows: int
    weights: int
    is_embedding: bool

    @property
    def label(self) -> str:
        """Name the format as Recipe does; NF4, whose values are no integers, by its own name."""
        label = self.format.label(self.dtype)
        return label.replace("int4", "nf4") if self.dtype == "nf4" else label


def read_matrices(path: Path) -> tuple[StoredMatrix, ...]:
    """Read every matrix of an IR (.xml); one that two operations share counts once.

    Raises FolderError where OpenVINO cannot read the file.
    """
    try:
        model = ov.Core().read_model(path)
    except RuntimeError as error:
        raise FolderError(f"{path} is no readable IR", "export the model again") from error
    found = {node.get_friendly_name(): matrix for node, matrix in _walk(model)}
    return tuple(found.values())


def _walk(model: ov.Model) -> Iterator[tuple[ov.Node, StoredMatrix]]:
    for op in reversed(model.get_ordered_ops()):
        kind = op.get_type_name()
        if kind not in _WEIGHT_PORT:
            continue
        node, has_zero_point = op.input_value(_WEIGHT_PORT[kind]).get_node(), False
        while node.get_type_name() in _DECOMPRESSION:
            has_zero_point |= node.get_type_name() == "Subtract"
            node = node.input_value(0).get_node()
        shape = list(node.get_output_shape(0)) if node.get_type_name() == "Constant" else []
        if len(shape) > 1:
            yield node, _describe(node, shape, has_zero_point, kind == "Gather")


def _describe(
    constant: ov.Node, shape: list[int], has_zero_point: bool, is_embedding: bool
) -> StoredMatrix:
    """Read a format from a constant's type and shape [rows, width] or [rows, groups, group]."""
    dtype = constant.get_output_element_type(0).get_type_name()
    kind = _BITS.get(dtype)
    if kind is None:
        form = MatrixFormat("float")
    else:
        group = shape[-1] if len(shape) == 3 else -1
        form = MatrixFormat("int4" if kind == "int4" else "int8", not has_zero_point, group)
    return StoredMatrix(form, dtype, shape[0], prod(shape), is_embedding)
