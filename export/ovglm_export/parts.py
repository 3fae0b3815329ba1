"""The parts of a GLM graph, each a model of its own: embedding, decoder layers, head.

A part can be compressed, saved and run alone; join.py puts them together. What flows between them:
hidden [B, T, H], cos and sin [B, 1, T, rotary_dim], mask [B, 1, T, S], all float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import openvino.opset13 as ops
from openvino import Model, Node, Type

from ovglm.recipe import MatrixFormat
from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.compress import MatrixTables, compressed_node
from ovglm_export.graph import (
    CachedAttention,
    add_bias,
    attention_mask,
    constant,
    gate,
    linear,
    make_model,
    named_input,
    named_output,
    project_heads,
    rms_norm,
    rotary_tables,
    rotate,
)

__all__ = ["PartBuilder", "SharedInputs"]

# What the embedding part gives: hidden states, and what every layer takes beside them.
_EMBEDDING_OUTPUTS = ("hidden", "cos", "sin", "mask")


class PartBuilder:
    """Builds one part of a checkpoint, its matrices in the wanted formats.

    formats: by MatMul name; an absent one is stored as it is. scratch: a folder for large tables.
    solved: tables that stand in for a matrix, by MatMul name. fitted: tensors that stand in for the
    checkpoint's own, by name. Both are read whenever a part is built.
    A builder holds the arrays that its model shares: keep it as long as the model.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        formats: Mapping[str, MatrixFormat],
        scratch: Path,
        solved: Mapping[str, MatrixTables] = MappingProxyType({}),
        fitted: Mapping[str, Weight] = MappingProxyType({}),
    ) -> None:
        self._checkpoint = checkpoint
        self.architecture = checkpoint.architecture
        self._formats = formats
        self._scratch = scratch
        self._solved = solved
        self._fitted = fitted
        self._alive: list[np.ndarray] = []

    def embedding(self) -> Model:
        """Make the first part: embedding, rotary tables, mask."""
        arch = self.architecture
        ids = named_input("input_ids", [-1, -1], Type.i64)
        attention = named_input("attention_mask", [-1, -1], Type.i64)
        positions = named_input("position_ids", [-1, -1], Type.i64)
        weight = self._node("model.embed_tokens")
        hidden = ops.gather(weight, ids, constant(0, np.int64), name="model.embed_tokens")
        cos, sin = rotary_tables(positions, arch.inverse_frequencies(), arch.rotary_scale)
        outputs = (hidden, cos, sin, attention_mask(attention, ids))
        named = zip(_EMBEDDING_OUTPUTS, outputs, strict=True)
        results = [named_output(node, name) for name, node in named]
        return make_model(results, [ids, attention, positions], "embedding")

    def head(self) -> Model:
        """Make the last part: final norm and logits [B, T, vocab].

        A tied head has an input `tied_weight` [vocab, H] in the place of its matrix.
        """
        arch = self.architecture
        hidden = self.hidden_input()
        inputs = [hidden]
        if arch.tied:
            weight = named_input("tied_weight", [arch.vocab_size, arch.hidden_size])
            inputs.append(weight)
        else:
            weight = self._node("lm_head")
        logits = linear(self.head_norm(hidden), weight, "lm_head")
        return make_model([named_output(logits, "logits")], inputs, "head")

    def head_norm(self, x: Node) -> Node:
        """Norm the last states: what the head multiplies."""
        return self._norm(x, "model.norm.weight")

    def decoder_layer(self, layer: int) -> Model:
        """Make one decoder layer: hidden in, hidden out, its KV cache as two variables."""
        hidden, flow = self.hidden_input(), SharedInputs.make(self.architecture)
        mixed, sinks = self.attend(layer, hidden, flow)
        between = self.close_attention(layer, hidden, mixed)
        out = self.close_mlp(layer, between, self.gate(layer, self.mlp_norm(layer, between)))
        inputs = [hidden, *flow.nodes()]
        return make_model([named_output(out, "hidden_out")], inputs, f"layer_{layer}", sinks)

    def hidden_input(self, name: str = "hidden") -> Node:
        """Make an input of states."""
        return named_input(name, [-1, -1, self.architecture.hidden_size])

    def attention_norm(self, layer: int, x: Node) -> Node:
        """Norm the states before attention: what q, k and v multiply."""
        return self._norm(x, f"model.layers.{layer}.input_layernorm.weight")

    def attend(self, layer: int, x: Node, flow: "SharedInputs") -> tuple[Node, list[Node]]:
        """Norm and attend: what o multiplies, [B, T, heads * head_dim]; also the cache's sinks."""
        arch, at = self.architecture, f"model.layers.{layer}.self_attn"
        cache = CachedAttention(layer, arch.heads, arch.kv_heads, arch.head_dim, x, flow.beam_idx)
        normed = self.attention_norm(layer, x)

        def heads(part: str, count: int) -> Node:
            name = f"{at}.{part}_proj"
            bias = self.tensor(f"{name}.bias") if arch.qkv_bias else None
            flat = linear(normed, self._node(name), name)
            split = project_heads(add_bias(flat, bias), count, arch.head_dim)
            if part == "v":
                return split
            return rotate(split, flow.cos, flow.sin, arch.rotary_dim, arch.head_dim)

        query, key = heads("q", arch.heads), heads("k", arch.kv_heads)
        return cache.attend(query, key, heads("v", arch.kv_heads), flow.mask), cache.sinks

    def close_attention(self, layer: int, x: Node, mixed: Node) -> Node:
        """Add the attention's output to the states."""
        at = f"model.layers.{layer}"
        name = f"{at}.self_attn.o_proj"
        out = linear(mixed, self._node(name), name)
        return ops.add(x, self._extra_norm(out, f"{at}.post_self_attn_layernorm.weight"))

    def mlp_norm(self, layer: int, x: Node) -> Node:
        """Norm the states before the MLP: what gate_up multiplies."""
        return self._norm(x, f"model.layers.{layer}.post_attention_layernorm.weight")

    def gate(self, layer: int, normed: Node) -> Node:
        """Compute silu(gate) * up: what down multiplies."""
        name = f"model.layers.{layer}.mlp.gate_up_proj"
        return gate(normed, self._node(name), self.architecture.intermediate_size, name)

    def close_mlp(self, layer: int, x: Node, product: Node) -> Node:
        """Add the MLP's output to the states."""
        at = f"model.layers.{layer}"
        name = f"{at}.mlp.down_proj"
        out = linear(product, self._node(name), name)
        return ops.add(x, self._extra_norm(out, f"{at}.post_mlp_layernorm.weight"))

    def tensor(self, name: str) -> Weight:
        """Map a tensor, in the graph's order of rows, and keep it alive.

        The rotary rows of every head of q and k come in half-split order: even ones first, then
        odd ones. The plugins fuse only that order; attention scores do not change, since both turn.
        """
        weight = self._weight(name)
        if ".q_proj." not in name and ".k_proj." not in name:
            return weight
        rotary, width = self.architecture.rotary_dim, self.architecture.head_dim
        order = [*range(0, rotary, 2), *range(1, rotary, 2), *range(rotary, width)]
        heads = weight.data.reshape(-1, width, *weight.shape[1:])
        turned = np.ascontiguousarray(heads[:, order]).reshape(weight.shape)
        self._alive.append(turned)
        return Weight(turned, weight.dtype)

    def _norm(self, x: Node, name: str) -> Node:
        return rms_norm(x, self._weight(name), self.architecture.rms_eps)

    def _extra_norm(self, x: Node, name: str) -> Node:
        """Norm a block's output before its residual, in the family that does so."""
        return self._norm(x, name) if self.architecture.extra_norms else x

    def _weight(self, name: str) -> Weight:
        """Map a tensor and keep it alive; one that was fitted anew takes its place."""
        weight = self._fitted.get(name) or self._checkpoint.weight(name)
        self._alive.append(weight.data)
        return weight

    def _node(self, name: str) -> Node:
        """Make a matrix's node, from its solved tables where there are some."""
        if name in self._solved:
            return self._solved[name].node(f"{name}.weight", self._alive)
        wanted = self._formats.get(name, MatrixFormat("float"))
        weight = self.tensor(f"{name}.weight")
        return compressed_node(weight, wanted, f"{name}.weight", self._scratch, self._alive)


@dataclass(frozen=True)
class SharedInputs:
    """The inputs that all layers share."""

    cos: Node
    sin: Node
    mask: Node
    beam_idx: Node

    @staticmethod
    def make(arch: Architecture) -> "SharedInputs":
        """Make the nodes."""
        return SharedInputs(
            named_input("cos", [-1, 1, -1, arch.rotary_dim]),
            named_input("sin", [-1, 1, -1, arch.rotary_dim]),
            named_input("mask", [-1, 1, -1, -1]),
            named_input("beam_idx", [-1], Type.i32),
        )

    def nodes(self) -> list[Node]:
        """List them in order."""
        return [self.cos, self.sin, self.mask, self.beam_idx]
