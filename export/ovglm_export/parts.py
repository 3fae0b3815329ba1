"""The parts of a GLM graph, each a model of its own: embedding, decoder layers, head.

A part can be compressed, saved and run alone; join.py puts them together. What flows between them:
hidden [B, T, H], cos and sin [B, 1, T, rotary_dim], mask [B, 1, T, S], all float32.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino import Model, Node, PartialShape, Type

from ovglm.recipe import MatrixFormat
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.compress import compressed_node
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
)

__all__ = ["PartBuilder"]

# What the embedding part gives: hidden states, and what every layer takes beside them.
_EMBEDDING_OUTPUTS = ("hidden", "cos", "sin", "mask")


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


class PartBuilder:
    """Builds one part of a checkpoint, its matrices in the wanted formats.

    formats: by MatMul name; an absent one is stored as it is. scratch: a folder for large tables.
    A builder holds the arrays that its model shares: keep it as long as the model.
    """

    def __init__(
        self, checkpoint: Checkpoint, formats: Mapping[str, MatrixFormat], scratch: Path
    ) -> None:
        self._checkpoint = checkpoint
        self._arch = checkpoint.architecture
        self._formats = formats
        self._scratch = scratch
        self._alive: list[np.ndarray] = []

    def embedding(self) -> Model:
        """Make the first part: embedding, rotary tables, mask."""
        arch = self._arch
        ids = _parameter("input_ids", [-1, -1], Type.i64)
        attention = _parameter("attention_mask", [-1, -1], Type.i64)
        positions = _parameter("position_ids", [-1, -1], Type.i64)
        weight = self._node("model.embed_tokens")
        hidden = ops.gather(weight, ids, constant(0, np.int64), name="model.embed_tokens")
        cos, sin = rotary_tables(positions, arch.inverse_frequencies(), arch.rotary_scale)
        outputs = (hidden, cos, sin, attention_mask(attention, ids))
        named = zip(_EMBEDDING_OUTPUTS, outputs, strict=True)
        results = [_result(node, name) for name, node in named]
        return make_model(results, [ids, attention, positions], "embedding")

    def head(self) -> Model:
        """Make the last part: final norm and logits [B, T, vocab].

        A tied head has an input `tied_weight` [vocab, H] in the place of its matrix.
        """
        arch = self._arch
        hidden = _parameter("hidden", [-1, -1, arch.hidden_size])
        inputs = [hidden]
        if arch.tied:
            weight = _parameter("tied_weight", [arch.vocab_size, arch.hidden_size])
            inputs.append(weight)
        else:
            weight = self._node("lm_head")
        norm = rms_norm(hidden, self._weight("model.norm.weight"), arch.rms_eps)
        logits = linear(norm, weight, "lm_head")
        return make_model([_result(logits, "logits")], inputs, "head")

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
            flat = linear(norm, self._node(name, turn), name)
            split = project_heads(add_bias(flat, bias), count, arch.head_dim)
            return rotate(split, *tables, arch.rotary_dim, arch.head_dim) if turn else split

        query, key = heads("q", arch.heads, True), heads("k", arch.kv_heads, True)
        mixed = cache.attend(query, key, heads("v", arch.kv_heads, False), mask)
        name = f"{at}.self_attn.o_proj"
        out = linear(mixed, self._node(name), name)
        return ops.add(x, self._extra_norm(out, f"{at}.post_self_attn_layernorm.weight"))

    def _mlp(self, layer: int, x: Node) -> Node:
        """Norm, gated MLP, residual."""
        at = f"model.layers.{layer}"
        weight = self._weight(f"{at}.post_attention_layernorm.weight")
        norm = rms_norm(x, weight, self._arch.rms_eps)
        gate_up, down = (self._node(f"{at}.mlp.{name}_proj") for name in ("gate_up", "down"))
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
        weight = self._permuted(f"{name}.weight", turn)
        wanted = self._formats.get(name, MatrixFormat("float"))
        return compressed_node(weight, wanted, f"{name}.weight", self._scratch, self._alive)

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
