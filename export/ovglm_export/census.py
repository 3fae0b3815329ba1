"""Counts what really is in a written IR: each matrix's kind and format, read from its constants."""

import re
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path

import openvino as ov

from ovglm.manifest import MatrixCount
from ovglm.recipe import MatrixFormat

__all__ = ["count_matrices"]

_KIND = re.compile(
    r"(qkv_proj|q_proj|k_proj|v_proj|o_proj|gate_up_proj|down_proj|embed_tokens|lm_head)"
)
_VISION = re.compile(r"(vision)\.(?:layers\.\d+\.)?(.+)")
_BITS = {"i4": "int4", "u4": "int4", "i8": "int8", "u8": "int8"}


def count_matrices(*paths: Path) -> tuple[tuple[MatrixCount, ...], set[int]]:
    """Count the matrices of IRs (.xml) by kind and format; also give their INT4 group sizes.

    A matrix that two operations share, as tied embeddings are, counts once in each IR.
    """
    matrices: Counter[tuple[str, str]] = Counter()
    weights: Counter[tuple[str, str]] = Counter()
    groups: set[int] = set()
    seen: set[tuple[Path, str]] = set()
    models = ((path, ov.Core().read_model(path)) for path in paths)
    found = ((path, *one) for path, model in models for one in _matrices(model))
    for path, kind, constant, has_zero_point in found:
        place = path, constant.get_friendly_name()
        if place in seen:
            continue
        seen.add(place)
        form, float_name = _format(constant, has_zero_point)
        key = (kind, form.label(float_name))
        matrices[key] += 1
        weights[key] += prod(constant.get_output_shape(0))
        if form.kind == "int4":
            groups.add(form.group_size)
    return tuple(MatrixCount(*key, matrices[key], weights[key]) for key in matrices), groups


def _matrices(model: ov.Model) -> Iterator[tuple[str, ov.Node, bool]]:
    """Yield kind, constant and "has a zero point" of each MatMul and Gather with a weight."""
    for op in model.get_ordered_ops():
        port = {"MatMul": 1, "Gather": 0}.get(op.get_type_name())
        kind = _kind(op.get_friendly_name())
        if port is None or kind is None:
            continue
        node, has_zero_point = op.input_value(port).get_node(), False
        while node.get_type_name() in ("Convert", "Reshape", "Multiply", "Subtract"):
            has_zero_point |= node.get_type_name() == "Subtract"
            node = node.input_value(0).get_node()
        if node.get_type_name() == "Constant" and len(node.get_output_shape(0)) > 1:
            yield kind, node, has_zero_point


def _kind(name: str) -> str | None:
    """Name the kind of a matrix: as in `q_proj`, or `vision mlp.fc1` of a tower's."""
    if seen := _VISION.fullmatch(name):
        return f"{seen[1]} {seen[2]}"
    found = _KIND.search(name)
    return found[1] if found else None


def _format(constant: ov.Node, has_zero_point: bool) -> tuple[MatrixFormat, str]:
    """Read a format from a constant's type and shape [rows, width] or [rows, groups, group]."""
    dtype = constant.get_output_element_type(0).get_type_name()
    shape = list(constant.get_output_shape(0))
    kind = _BITS.get(dtype)
    if kind is None:
        return MatrixFormat("float"), dtype
    group = shape[-1] if len(shape) == 3 else -1
    return MatrixFormat("int4" if kind == "int4" else "int8", not has_zero_point, group), dtype
