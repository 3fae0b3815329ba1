"""Building blocks of a vision tower in openvino.opset, in the patterns that the plugins fuse.

Activations are float32; B is the batch, N the vectors of one picture.
"""

import numpy as np
import openvino.opset13 as ops
from openvino import Node

from ovglm.vision_sizes import MERGED
from ovglm_export.checkpoint import Weight
from ovglm_export.graph import constant, project_heads
from ovglm_export.vision.tower import Activation

__all__ = ["attend", "cut_patches", "drop_first", "gelu", "layer_norm", "merge_patches", "surround"]


def layer_norm(x: Node, weight: Weight, bias: Weight, eps: float) -> Node:
    """Norm x [B, N, H] to mean 0 and variance 1, times a weight [H], plus a bias [H]."""
    normed = ops.mvn(x, constant([-1], np.int64), True, eps, "inside_sqrt")
    scaled = ops.multiply(normed, ops.constant(weight.as_float32().reshape(1, 1, -1)))
    return ops.add(scaled, ops.constant(bias.as_float32().reshape(1, 1, -1)))


def gelu(x: Node, form: Activation) -> Node:
    """GELU: exact (ERF) or in its tanh form."""
    return ops.gelu(x, form)


def cut_patches(pixels: Node, channels: int, patch: int, grid: int) -> Node:
    """Cut pictures [B, C, S, S] into patches [B, grid * grid, C * patch * patch], row by row.

    Multiplied with a convolution's weight [H, C, patch, patch] as a matrix, this is that
    convolution with stride `patch`. Pixels behind the last whole patch count nothing.
    """
    side = grid * patch
    for axis in (2, 3):
        bounds = [constant([value], np.int64) for value in (0, side, 1, axis)]
        pixels = ops.slice(pixels, *bounds)
    shape = [-1, channels, grid, patch, grid, patch]
    split = ops.reshape(pixels, constant(shape, np.int64), False)
    ordered = ops.transpose(split, constant([0, 2, 4, 1, 3, 5], np.int64))
    return ops.reshape(
        ordered, constant([-1, grid * grid, channels * patch * patch], np.int64), False
    )


def attend(qkv: Node, heads: int, head_dim: int) -> Node:
    """Let every vector of [B, N, 3 * H] attend to all of its picture: [B, N, H]."""
    width = heads * head_dim
    parts = ops.variadic_split(qkv, constant(-1, np.int64), constant([width] * 3, np.int64))
    split = [project_heads(parts.output(at), heads, head_dim) for at in range(3)]
    mixed = ops.scaled_dot_product_attention(*split, causal=False)  # scale is 1 / sqrt(head_dim)
    joined = ops.transpose(mixed, constant([0, 2, 1, 3], np.int64))
    return ops.reshape(joined, constant([0, 0, width], np.int64), True)


def drop_first(x: Node) -> Node:
    """Drop the first vector of [B, N, H]."""
    end = np.iinfo(np.int64).max
    return ops.slice(x, *(constant([value], np.int64) for value in (1, end, 1, 1)))


def merge_patches(x: Node, grid: int, width: int) -> Node:
    """Put patches of 2 by 2 behind each other: [B, grid * grid, H] to [B, merged, 4 * H].

    Multiplied with a convolution's weight in the order [outputs, row, column, H] as a matrix, this
    is that convolution with kernel and stride 2. The last row and column of an odd grid count
    nothing.
    """
    merged = grid // MERGED
    x = ops.reshape(x, constant([-1, grid, grid, width], np.int64), False)
    if grid % MERGED:
        for axis in (1, 2):
            bounds = [constant([value], np.int64) for value in (0, merged * MERGED, 1, axis)]
            x = ops.slice(x, *bounds)
    shape = [-1, merged, MERGED, merged, MERGED, width]
    split = ops.reshape(x, constant(shape, np.int64), False)
    ordered = ops.transpose(split, constant([0, 1, 3, 2, 4, 5], np.int64))
    return ops.reshape(ordered, constant([-1, merged**2, MERGED**2 * width], np.int64), False)


def surround(x: Node, first: Weight | None = None, last: Weight | None = None) -> Node:
    """Put a vector [H] in front of each picture's [B, N, H], or behind it, or both."""
    batch = ops.gather(ops.shape_of(x), constant([0], np.int64), constant(0, np.int64))

    def repeat(weight: Weight) -> Node:
        values = weight.as_float32().reshape(1, 1, -1)
        shape = ops.concat([batch, constant([1, values.size], np.int64)], 0)
        return ops.broadcast(ops.constant(values), shape)

    before = [repeat(first)] if first else []
    behind = [repeat(last)] if last else []
    return ops.concat([*before, x, *behind], 1)
