"""Building blocks in openvino.opset, in the patterns that OpenVINO's plugins fuse.

The blocks know shapes and names; where weights come from and which block follows which is told
by parts.py. Activations are float32; B is the batch, T the new tokens, S all tokens so far.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino import Node, Type
from openvino.op.util import Variable, VariableInfo

from ovglm_export.checkpoint import Weight

__all__ = [
    "MASKED",
    "OV_TYPES",
    "CachedAttention",
    "add_bias",
    "attention_mask",
    "constant",
    "constant_node",
    "gate",
    "linear",
    "make_model",
    "named_input",
    "named_output",
    "project_heads",
    "rms_norm",
    "rotary_tables",
    "rotate",
    "weight_node",
]

# The most negative float16, as optimum-intel writes it: -inf would become NaN in half precision.
MASKED = -65504.0
OV_TYPES = {"BF16": Type.bf16, "F16": Type.f16, "F32": Type.f32}


def constant(value: object, dtype: type) -> Node:
    """Make a small constant."""
    return ops.constant(np.array(value, dtype=dtype))


def constant_node(data: np.ndarray, shape: tuple[int, ...], dtype: Type, name: str) -> Node:
    """Make a constant that shares memory with contiguous data; the caller keeps it alive."""
    tensor = ov.Tensor(data, ov.Shape(list(shape)), dtype)
    node = ov.op.Constant(tensor, shared_memory=True)
    node.set_friendly_name(name)
    return node


def weight_node(weight: Weight, name: str) -> Node:
    """Make a weight that shares memory with its array, and convert it to float32.

    The caller keeps the array alive as long as the model.
    """
    node = constant_node(weight.data, weight.shape, OV_TYPES[weight.dtype], name)
    return node if weight.dtype == "F32" else ops.convert(node, "f32", name=f"{name}/convert")


def named_input(name: str, shape: list[int], dtype: Type = Type.f32) -> Node:
    """Make a named input; -1 stands for any length."""
    node = ops.parameter(ov.PartialShape(shape), dtype, name=name)
    node.output(0).set_names({name})
    return node


def named_output(node: Node | ov.Output, name: str) -> Node:
    """Make a named output."""
    result = ops.result(node, name=name)
    result.output(0).set_names({name})
    return result


def make_model(
    results: list[Node], parameters: list[Node], name: str, sinks: list[Node] | None = None
) -> ov.Model:
    """Make a model of its outputs, inputs and, where it has a state, sinks."""
    # openvino's own stub hides Model's constructor behind a metaclass.
    parts = [results, sinks, parameters] if sinks else [results, parameters]
    return ov.Model(*parts, name)  # pyright: ignore[reportGeneralTypeIssues]


def linear(x: Node, weight: Node, name: str) -> Node:
    """Multiply x [..., inputs] with a weight [outputs, inputs] from the right."""
    return ops.matmul(x, weight, False, True, name=name)


def add_bias(x: Node, bias: Weight | None) -> Node:
    """Add a bias [outputs] as float32; None adds nothing."""
    if bias is None:
        return x
    return ops.add(x, ops.constant(bias.as_float32().reshape(1, 1, -1)))


def rms_norm(x: Node, weight: Weight, eps: float) -> Node:
    """Normalise x [B, T, H] by its root mean square in float32, times a weight [H]."""
    mean = ops.reduce_mean(ops.power(x, constant(2, np.float32)), constant([-1], np.int64), True)
    root = ops.sqrt(ops.add(mean, constant(eps, np.float32)))
    scaled = ops.multiply(x, ops.divide(constant(1, np.float32), root))
    return ops.multiply(scaled, ops.constant(weight.as_float32().reshape(1, 1, -1)))


def rotary_tables(position_ids: Node, inverse: np.ndarray, scale: float) -> tuple[Node, Node]:
    """Make cos and sin [B, 1, T, rotary_dim] from positions [B, T]; all layers share them."""
    positions = ops.unsqueeze(ops.convert(position_ids, "f32"), constant([1, 3], np.int64))
    angles = ops.multiply(positions, ops.constant(inverse.reshape(1, 1, 1, -1)))
    twice = ops.concat([angles, angles], -1)
    cos, sin = ops.cos(twice), ops.sin(twice)
    if scale == 1.0:
        return cos, sin
    factor = constant(scale, np.float32)
    return ops.multiply(cos, factor), ops.multiply(sin, factor)


def rotate(x: Node, cos: Node, sin: Node, rotary_dim: int, head_dim: int) -> Node:
    """Rotate the first rotary_dim channels of x [B, heads, T, head_dim], half-split form."""
    turned, kept = _cut(x, 0, rotary_dim), None
    if rotary_dim < head_dim:
        kept = _cut(x, rotary_dim, head_dim)
    else:
        turned = x
    half = rotary_dim // 2
    first, second = _cut(turned, 0, half), _cut(turned, half, rotary_dim)
    swapped = ops.concat([ops.multiply(second, constant(-1, np.float32)), first], -1)
    result = ops.add(ops.multiply(turned, cos), ops.multiply(swapped, sin))
    return result if kept is None else ops.concat([result, kept], -1)


def _cut(x: Node, start: int, stop: int) -> Node:
    """Take channels start:stop of the last axis."""
    bounds = [constant([value], np.int64) for value in (start, stop, 1, 3)]
    return ops.slice(x, *bounds)


def project_heads(x: Node | ov.Output, heads: int, head_dim: int) -> Node:
    """Split x [B, T, heads * head_dim] into heads: [B, heads, T, head_dim]."""
    split = ops.reshape(x, constant([0, 0, heads, head_dim], np.int64), True)
    return ops.transpose(split, constant([0, 2, 1, 3], np.int64))


def attention_mask(attention: Node, input_ids: Node) -> Node:
    """Make the additive mask [B, 1, T, S] from the attention mask [B, S] and the ids [B, T]."""
    total = _length(attention, 1)
    past = ops.subtract(total, _length(input_ids, 1))
    zero, one = constant(0, np.int64), constant(1, np.int64)
    keys = ops.unsqueeze(ops.range(zero, total, one, "i64"), constant([0, 1, 2], np.int64))
    queries = ops.unsqueeze(ops.range(past, total, one, "i64"), constant([0, 1, 3], np.int64))
    present = ops.not_equal(ops.unsqueeze(attention, constant([1, 2], np.int64)), zero)
    allowed = ops.logical_and(ops.less_equal(keys, queries), present)
    return ops.select(allowed, constant(0, np.float32), constant(MASKED, np.float32))


def _length(x: Node, axis: int) -> Node:
    """Return the length of one axis as a scalar."""
    return ops.gather(ops.shape_of(x), constant(axis, np.int64), constant(0, np.int64))


@dataclass
class CachedAttention:
    """Grouped-query attention of one layer over its KV cache; collects the cache's sinks."""

    layer: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: Node
    beam_idx: Node

    def __post_init__(self) -> None:
        self.sinks: list[Node] = []

    def attend(self, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Attend from [B, heads, T, head_dim] to all S tokens: [B, T, heads * head_dim]."""
        keys, values = self._grow(key, "key"), self._grow(value, "value")
        scale = constant(self.head_dim**-0.5, np.float32)
        mixed = ops.scaled_dot_product_attention(
            query, self._share(keys), self._share(values), mask, scale, causal=False
        )
        joined = ops.transpose(mixed, constant([0, 2, 1, 3], np.int64))
        return ops.reshape(joined, constant([0, 0, self.heads * self.head_dim], np.int64), True)

    def _grow(self, new: Node, kind: str) -> Node:
        """Append new [B, kv, T, head_dim] to the cache, which follows the beams."""
        info = VariableInfo()
        info.data_shape = ov.PartialShape([-1, self.kv_heads, -1, self.head_dim])
        info.data_type = Type.f32
        info.variable_id = f"past_key_values.{self.layer}.{kind}present.{self.layer}.{kind}"
        variable = Variable(info)
        batch = ops.gather(
            ops.shape_of(self.hidden), constant([0], np.int64), constant(0, np.int64)
        )
        empty = ops.concat([batch, constant([self.kv_heads, 0, self.head_dim], np.int64)], 0)
        start = ops.broadcast(constant(0, np.float32), empty)
        past = ops.gather(ops.read_value(start, variable), self.beam_idx, constant(0, np.int64))
        grown = ops.concat([past, new], 2)
        self.sinks.append(ops.assign(grown, variable))
        return grown

    def _share(self, grouped: Node) -> Node:
        """Give each query head its group's keys or values: [B, heads, S, head_dim]."""
        if self.heads == self.kv_heads:
            return grouped
        repeat = [1, 1, self.heads // self.kv_heads, 1, 1]
        wide = ops.broadcast(
            ops.unsqueeze(grouped, constant([2], np.int64)),
            constant(repeat, np.int64),
            broadcast_spec="BIDIRECTIONAL",  # numpy mode breaks the plugins' fusion
        )
        return ops.reshape(wide, constant([0, self.heads, -1, self.head_dim], np.int64), True)


def gate(x: Node, gate_up: Node, width: int, name: str) -> Node:
    """SwiGLU: silu(gate) * up of x, gate and up being the two halves of one matrix."""
    both = linear(x, gate_up, name)
    halves = ops.variadic_split(both, constant(-1, np.int64), constant([width, width], np.int64))
    return ops.multiply(ops.swish(halves.output(0)), halves.output(1))
