"""Weight compression through NNCF, one model at a time: a decoder layer, or rows of a matrix."""

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping

import nncf
import openvino as ov
from nncf.openvino.graph.node_utils import get_const_value_as_ov_tensor
from nncf.parameters import CompressWeightsMode
from nncf.quantization.algorithms.weight_compression.config import WeightCompressionConfig
from nncf.quantization.algorithms.weight_compression.weight_lowering import (
    get_integer_quantization_error,
)
from nncf.tensor import Tensor
from nncf.tensor import functions as fns

from ovglm.recipe import MatrixFormat

__all__ = ["compress_matrices", "int8_sensitivity", "matrix_names"]

_MODES = {
    ("int4", True): CompressWeightsMode.INT4_SYM,
    ("int4", False): CompressWeightsMode.INT4_ASYM,
    ("int8", True): CompressWeightsMode.INT8_SYM,
    ("int8", False): CompressWeightsMode.INT8_ASYM,
}


def matrix_names(model: ov.Model) -> list[str]:
    """List the MatMuls that have a weight, in the order that NNCF visits them."""
    return [
        op.get_friendly_name()
        for op in model.get_ordered_ops()
        if op.get_type_name() == "MatMul" and op.get_friendly_name().endswith(("_proj", "lm_head"))
    ]


def compress_matrices(model: ov.Model, formats: Mapping[str, MatrixFormat]) -> ov.Model:
    """Compress each named MatMul's weight to its format; a float one stays as it is.

    Equal formats go through NNCF together. Rounding is per row and group, so the result is bit
    for bit what NNCF gives on the whole network.
    """
    for wanted in dict.fromkeys(formats.values()):
        if wanted.kind == "float":
            continue
        others = [name for name, own in formats.items() if own != wanted]
        is_int4 = wanted.kind == "int4"
        with _quiet():
            model = nncf.compress_weights(
                model,
                mode=_MODES[wanted.kind, wanted.symmetric],
                ratio=1.0 if is_int4 else None,
                group_size=wanted.group_size if is_int4 else None,
                all_layers=True if is_int4 else None,
                ignored_scope=nncf.IgnoredScope(names=others) if others else None,
            )
    return model


def int8_sensitivity(model: ov.Model, name: str) -> float:
    """Return NNCF's data-free sensitivity of a MatMul's weight: 1 / (INT8 error + eps).

    NNCF ranks matrices by it for mixed precision (`DataFreeCriterion`): the higher it is, the
    sooner the matrix is kept from INT4.
    """
    tensor = Tensor(get_const_value_as_ov_tensor(_weight_constant(model, name)))
    error = get_integer_quantization_error(tensor, (1,), WeightCompressionConfig(), "max_mean")
    return float(1 / (error + fns.finfo(tensor).eps))


def _weight_constant(model: ov.Model, name: str) -> ov.op.Constant:
    """Find the constant behind a MatMul's second input."""
    matmul = next(op for op in model.get_ops() if op.get_friendly_name() == name)
    node = matmul.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return node


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's own bars and tables off the screen: the export shows one bar for all layers."""
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        yield
