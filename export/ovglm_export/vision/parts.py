"""The parts of a vision tower, each a model of its own: patches, layers, adapter.

A part can be compressed, saved and run alone. Between them flow the states [B, N, H], float32.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino.opset13 as ops
from openvino import Model, Node

from ovglm.vision_facts import VisionWeights
from ovglm.vision_sizes import vision_formats
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.compress import compressed_node
from ovglm_export.graph import (
    add_bias,
    constant,
    gate,
    linear,
    make_model,
    named_input,
    named_output,
)
from ovglm_export.vision.blocks import (
    attend,
    cut_patches,
    drop_first,
    gelu,
    layer_norm,
    merge_patches,
    surround,
)
from ovglm_export.vision.tower import VisionArchitecture

__all__ = ["PIXELS", "STATES", "STATES_OUT", "VECTORS", "VisionBuilder", "state_name"]

PIXELS, VECTORS = "pixel_values", "last_hidden_state"
STATES, STATES_OUT = "vision_states", "vision_states_out"


def state_name(place: int) -> str:
    """Name the node of the states in front of a layer; behind the last one it is `layers`."""
    return f"vision.states.{place}"


class VisionBuilder:
    """Builds one part of a checkpoint's tower.

    weights: how its matrices are stored. scratch: a folder for large tables.
    A builder holds the arrays that its models share: keep it as long as they.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        arch: VisionArchitecture,
        weights: VisionWeights,
        scratch: Path,
    ) -> None:
        self._checkpoint = checkpoint
        self._arch = arch
        self._formats = vision_formats(arch, weights)
        self._is_widened = weights == "f32"
        self._scratch = scratch
        self._alive: list[np.ndarray] = []

    def patches(self) -> Model:
        """Make the first part: pixel_values [B, C, S, S] in, states out."""
        arch = self._arch
        side = arch.image_size
        pixels = named_input(PIXELS, [-1, arch.channels, side, side])
        cut = cut_patches(pixels, arch.channels, arch.patch_size, arch.grid)
        weight = self._weight("vision.patch.weight")
        matrix = Weight(weight.data.reshape(arch.hidden_size, arch.patch_width), weight.dtype)
        x = self._linear(cut, matrix, "vision.patch")
        if arch.has_class_vector:
            x = surround(x, first=self._weight("vision.class_vector"))
        positions = self._weight("vision.positions.weight").as_float32()
        x = ops.add(x, ops.constant(positions[None]), name=state_name(0))
        return make_model([named_output(x, STATES_OUT)], [pixels], "vision_patches")

    def layer(self, layer: int) -> Model:
        """Make one layer: states in, states out."""
        states = self._states()
        at, arch = f"vision.layers.{layer}", self._arch
        x = states
        for branch, norm in ((self._attention, f"{at}.norm1"), (self._mlp, f"{at}.norm2")):
            if arch.norm_first:
                x = ops.add(x, branch(self._norm(x, norm, arch.norm_eps), at))
            else:
                x = ops.add(x, self._norm(branch(x, at), norm, arch.norm_eps))
        x.set_friendly_name(state_name(layer + 1))
        return make_model([named_output(x, STATES_OUT)], [states], f"vision_layer_{layer}")

    def adapter(self) -> Model:
        """Make the last part: states in, last_hidden_state [B, vectors, text hidden] out."""
        arch, states = self._arch, self._states()
        x = drop_first(states) if arch.has_class_vector else states
        if arch.has_final_norm:
            x = self._norm(x, "vision.final_norm", arch.norm_eps)
        x = merge_patches(x, arch.grid, arch.hidden_size)
        x = self._linear(x, self._merging_matrix(), "vision.adapter.conv")
        x = self._linear(x, self._weight("vision.adapter.linear.weight"), "vision.adapter.linear")
        x = gelu(self._norm(x, "vision.adapter.norm", arch.adapter_norm_eps), "ERF")
        stacked = self._stack(["vision.adapter.gate.weight", "vision.adapter.up.weight"])
        name = "vision.adapter.gate_up"
        x = gate(x, self._node(stacked, name), arch.gate_size, name)
        x = self._linear(x, self._weight("vision.adapter.down.weight"), "vision.adapter.down")
        begin, end = (self._weight(f"vision.adapter.{name}") for name in ("begin", "end"))
        x = surround(x, begin, end)
        if arch.divisor != 1.0:
            x = ops.divide(x, constant(arch.divisor, np.float32))
        return make_model([named_output(x, VECTORS)], [states], "vision_adapter")

    def _states(self) -> Node:
        return named_input(STATES, [-1, self._arch.length, self._arch.hidden_size])

    def _attention(self, x: Node, at: str) -> Node:
        arch, name = self._arch, f"{at}.attention"
        weight = self._stack([f"{name}.{part}.weight" for part in "qkv"])
        bias = self._stack([f"{name}.{part}.bias" for part in "qkv"])
        product = linear(x, self._node(weight, f"{name}.qkv"), f"{name}.qkv")
        mixed = attend(add_bias(product, bias), arch.heads, arch.head_dim)
        return self._linear(mixed, self._weight(f"{name}.out.weight"), f"{name}.out")

    def _mlp(self, x: Node, at: str) -> Node:
        inner = self._linear(x, self._weight(f"{at}.mlp.fc1.weight"), f"{at}.mlp.fc1")
        inner = gelu(inner, self._arch.activation)
        return self._linear(inner, self._weight(f"{at}.mlp.fc2.weight"), f"{at}.mlp.fc2")

    def _linear(self, x: Node, matrix: Weight, name: str) -> Node:
        """Multiply with a matrix, and add the bias of that name where there is one."""
        bias = f"{name}.bias"
        product = linear(x, self._node(matrix, name), name)
        has_bias = bias in self._checkpoint.places
        return add_bias(product, self._weight(bias) if has_bias else None)

    def _norm(self, x: Node, name: str, eps: float) -> Node:
        weight, bias = (self._weight(f"{name}.{kind}") for kind in ("weight", "bias"))
        return layer_norm(x, weight, bias, eps)

    def _merging_matrix(self) -> Weight:
        """Order the convolution's weight [outputs, H, row, column] as merge_patches wants it."""
        weight = self._weight("vision.adapter.conv.weight")
        ordered = weight.data.transpose(0, 2, 3, 1).reshape(len(weight.data), -1)
        return Weight(np.ascontiguousarray(ordered), weight.dtype)

    def _stack(self, names: Sequence[str]) -> Weight:
        """Put tensors behind each other, row by row; in float32 where their types differ."""
        weights = [self._weight(name) for name in names]
        kinds = {one.dtype for one in weights}
        if len(kinds) == 1:
            return Weight(np.concatenate([one.data for one in weights]), kinds.pop())
        return Weight(np.concatenate([one.as_float32() for one in weights]), "F32")

    def _weight(self, name: str) -> Weight:
        """Map a tensor; what stays with the graph is kept alive by _node."""
        weight = self._checkpoint.weight(name)
        return Weight(weight.as_float32(), "F32") if self._is_widened else weight

    def _node(self, matrix: Weight, name: str) -> Node:
        """Make a matrix's node in its format."""
        wanted, at = self._formats[name], f"{name}.weight"
        return compressed_node(matrix, wanted, at, self._scratch, self._alive)
