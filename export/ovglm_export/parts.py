"""The parts of a GLM graph, each a model of its own: embedding, decoder layers, head.

A part can be compressed, saved and run alone; join.py puts them together. What flows between them:
hidden [B, T, H], cos and sin [B, 1, T, rotary_dim], mask [B, 1, T, S], all float32.
"""

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino import Model, Node, PartialShape, Type

from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.graph import (
    CachedAttention,
    add_bias,
    attention_mask,
    constant,
    gated_mlp,
    linear,
    make_model,
    project_heads,
    rms_norm,
    rotary_tables,
    rotate,
    weight_node,
)

__all__ = ["SHARED", "PartBuilder", "embedding_model", "head_model"]

# What the embedding part hands to every layer, beside the hidden states.
SHARED = ("cos", "sin", "mask")


def _parameter(name: str, shape: list[int], dtype: Type = Type.f32) -> Node:
    """Make a named input."""
    node = ops.parameter(PartialShape(shape), dtype, name=name)
    node.output(0).set_names({name})
    return node


def _result(node: Node | ov.Output, name: str) -> Node:
    """Make a named output."""
    result = ops.result(node, name=name)
    result.output(0).set_names({name})
    return result


def embedding_model(arch: Architecture, weight: Node) -> Model:
    """Make the first part: embedding (weight [vocab, H] as float32), rotary tables, mask."""
    ids = _parameter("input_ids", [-1, -1], Type.i64)
    attention = _parameter("attention_mask", [-1, -1], Type.i64)
    positions = _parameter("position_ids", [-1, -1], Type.i64)
    hidden = ops.gather(weight, ids, constant(0, np.int64), name="model.embed_tokens")
    cos, sin = rotary_tables(positions, arch.inverse_frequencies(), arch.rotary_scale)
    outputs = (hidden, cos, sin, attention_mask(attention, ids))
    results = [_result(node, name) for name, node in zip(("hidden", *SHARED), outputs, strict=True)]
    return make_model(results, [ids, attention, positions], "embedding")


def head_model(arch: Architecture, norm: Weight, weight: Node | None) -> Model:
    """Make the last part: final norm and logits [B, T, vocab].

    Without a weight the embedding's is used: an input `tied_weight` [vocab, H] takes its place.
    """
    hidden = _parameter("hidden", [-1, -1, arch.hidden_size])
    inputs = [hidden]
    if weight is None:
        weight = _parameter("tied_weight", [arch.vocab_size, arch.hidden_size])
        inputs.append(weight)
    logits = linear(rms_norm(hidden, norm, arch.rms_eps), weight, "lm_head")
    return make_model([_result(logits, "logits")], inputs, "head")


class PartBuilder:
    """Builds decoder layers from a checkpoint; remembers the arrays that its models share.

    One builder serves one layer: dropping it and its model frees what was copied.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._arch = checkpoint.architecture
        self._alive: list[np.ndarray] = []

    def decoder_layer(self, layer: int) -> Model:
        """Make one decoder layer: hidden in, hidden out, its KV cache as two variables."""
        arch = self._arch
        hidden = _parameter("hidden", [-1, -1, arch.hidden_size])
        cos = _parameter("cos", [-1, 1, -1, arch.rotary_dim])
        sin = _parameter("sin", [-1, 1, -1, arch.rotary_dim])
        mask = _parameter("mask", [-1, 1, -1, -1])
        beam_idx = _parameter("beam_idx", [-1], Type.i32)
        attention = CachedAttention(
            layer, arch.heads, arch.kv_heads, arch.head_dim, hidden, beam_idx
        )
        tables = (cos, sin)
        mixed = self._attention(layer, hidden, tables, mask, attention)
        out = self._mlp(layer, mixed)
        inputs = [hidden, cos, sin, mask, beam_idx]
        result = _result(out, "hidden_out")
        return make_model([result], inputs, f"layer_{layer}", attention.sinks)

    def _attention(
        self, layer: int, x: Node, tables: tuple[Node, Node], mask: Node, cache: CachedAttention
    ) -> Node:
        """Norm, attention, residual."""
        arch, at = self._arch, f"model.layers.{layer}"
        norm = rms_norm(x, self._weight(f"{at}.input_layernorm.weight"), arch.rms_eps)

        def heads(part: str, count: int, turn: bool) -> Node:
            name = f"{at}.self_attn.{part}_proj"
            bias = self._permuted(f"{name}.bias", turn) if arch.qkv_bias else None
            flat = linear(norm, self._node(f"{name}.weight", turn), name)
            split = project_heads(add_bias(flat, bias), count, arch.head_dim)
            return rotate(split, *tables, arch.rotary_dim, arch.head_dim) if turn else split

        query, key = heads("q", arch.heads, True), heads("k", arch.kv_heads, True)
        mixed = cache.attend(query, key, heads("v", arch.kv_heads, False), mask)
        name = f"{at}.self_attn.o_proj"
        out = linear(mixed, self._node(f"{name}.weight"), name)
        return ops.add(x, self._extra_norm(out, f"{at}.post_self_attn_layernorm.weight"))

    def _mlp(self, layer: int, x: Node) -> Node:
        """Norm, gated MLP, residual."""
        at = f"model.layers.{layer}"
        weight = self._weight(f"{at}.post_attention_layernorm.weight")
        norm = rms_norm(x, weight, self._arch.rms_eps)
        gate_up, down = (self._node(f"{at}.mlp.{name}_proj.weight") for name in ("gate_up", "down"))
        out = gated_mlp(norm, gate_up, down, self._arch.intermediate_size, f"{at}.mlp")
        return ops.add(x, self._extra_norm(out, f"{at}.post_mlp_layernorm.weight"))

    def _extra_norm(self, x: Node, name: str) -> Node:
        """Norm a block's output before its residual, in the family that does so."""
        if not self._arch.extra_norms:
            return x
        return rms_norm(x, self._weight(name), self._arch.rms_eps)

    def _weight(self, name: str) -> Weight:
        """Map a tensor and keep it alive."""
        weight = self._checkpoint.weight(name)
        self._alive.append(weight.data)
        return weight

    def _node(self, name: str, turn: bool = False) -> Node:
        """Make a matrix's node; turn: its rotary rows are put into half-split order."""
        return weight_node(self._permuted(name, turn), name)

    def _permuted(self, name: str, turn: bool) -> Weight:
        """Put the rotary rows of every head into half-split order: even ones first, then odd ones.

        The plugins fuse only that order; attention scores do not change, since q and k turn alike.
        """
        weight = self._weight(name)
        if not turn:
            return weight
        rotary, width = self._arch.rotary_dim, self._arch.head_dim
        order = [*range(0, rotary, 2), *range(1, rotary, 2), *range(rotary, width)]
        heads = weight.data.reshape(-1, width, *weight.shape[1:])
        turned = np.ascontiguousarray(heads[:, order]).reshape(weight.shape)
        self._alive.append(turned)
        return Weight(turned, weight.dtype)
