"""Which tensors a GLM has, and the bytes they take in a checkpoint and in an export; reads none."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from ovglm.recipe import MatrixFormat, Recipe, matrix_group_size

__all__ = [
    "CHECKPOINT_BYTES",
    "EMBEDDING",
    "HEAD",
    "Dimensions",
    "checkpoint_bytes",
    "count_parameters",
    "expected_shape",
    "export_bytes",
    "fit_format",
    "layer_matrices",
    "matrix_shapes",
    "planned_formats",
    "stored_bytes",
    "wanted_formats",
]

EMBEDDING, HEAD = "model.embed_tokens", "lm_head"
_LAYER = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
          "mlp.gate_up_proj", "mlp.down_proj")  # fmt: skip
_BITS = {"int4": 4, "int8": 8, "float": 16}
# Scales are stored as f16, norms and biases as f32; so is one rotary table.
_SCALE_BYTES, _SMALL_BYTES = 2, 4
# GLM is published in bf16.
CHECKPOINT_BYTES = 2


class Dimensions(Protocol):
    """The numbers that decide how large a GLM's tensors are, as in its config.json."""

    @property
    def hidden_size(self) -> int: ...
    @property
    def intermediate_size(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def kv_heads(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def qkv_bias(self) -> bool: ...
    @property
    def tied(self) -> bool: ...
    @property
    def extra_norms(self) -> bool: ...


def layer_matrices(layer: int) -> list[str]:
    """List the MatMul names of one decoder layer."""
    return [f"model.layers.{layer}.{name}" for name in _LAYER]


def expected_shape(sizes: Dimensions, name: str) -> tuple[int, ...]:
    """Return the shape of an internal tensor: matrices as [outputs, inputs]."""
    hidden, query = sizes.hidden_size, sizes.heads * sizes.head_dim
    group = sizes.kv_heads * sizes.head_dim
    matrices = {
        "embed_tokens": (sizes.vocab_size, hidden),
        "lm_head": (sizes.vocab_size, hidden),
        "q_proj": (query, hidden),
        "k_proj": (group, hidden),
        "v_proj": (group, hidden),
        "o_proj": (hidden, query),
        "gate_up_proj": (2 * sizes.intermediate_size, hidden),
        "down_proj": (hidden, sizes.intermediate_size),
    }
    module, kind = name.split(".")[-2:]
    shape = matrices.get(module, (hidden,))
    return shape[:1] if kind == "bias" else shape


def matrix_shapes(sizes: Dimensions) -> dict[str, tuple[int, ...]]:
    """Return the shapes [outputs, inputs] of all matrices; a tied head is none of its own."""
    names = [name for at in range(sizes.layers) for name in layer_matrices(at)]
    names += [EMBEDDING] if sizes.tied else [EMBEDDING, HEAD]
    return {name: expected_shape(sizes, f"{name}.weight") for name in names}


def count_parameters(sizes: Dimensions) -> int:
    """Count all weights of a checkpoint: matrices, norms and biases."""
    return _matrix_weights(sizes) + _small_weights(sizes)


def checkpoint_bytes(sizes: Dimensions) -> int:
    """Return the bytes of all tensors in bf16; the files' own headers come on top."""
    return count_parameters(sizes) * CHECKPOINT_BYTES


def wanted_formats(sizes: Dimensions, recipe: Recipe) -> dict[str, MatrixFormat]:
    """Give every matrix the recipe's first choice, before its ratio and the matrices' widths."""
    wanted = dict.fromkeys(matrix_shapes(sizes), recipe.layer_format)
    wanted[EMBEDDING] = recipe.embedding_format
    if not sizes.tied:
        wanted[HEAD] = recipe.head_format
    return wanted


def fit_format(one: MatrixFormat, width: int) -> MatrixFormat:
    """Fit the group size to a matrix's width."""
    if one.kind != "int4":
        return one
    return replace(one, group_size=matrix_group_size(width, one.group_size))


def planned_formats(sizes: Dimensions, recipe: Recipe) -> dict[str, MatrixFormat]:
    """Give every matrix the format that an export at ratio 1 stores it in."""
    shapes = matrix_shapes(sizes)
    wanted = wanted_formats(sizes, recipe)
    return {name: fit_format(one, shapes[name][1]) for name, one in wanted.items()}


def stored_bytes(shape: tuple[int, ...], one: MatrixFormat) -> int:
    """Return the bytes of a matrix: its values, and its scales and zero points where it has any.

    As compressed constants lie in the IR: INT4 two to a byte, scales in f16, zero points in the
    values' own width. A float matrix counts as 16 bit, which bf16 and f16 checkpoints are.
    """
    rows, width = shape
    bits = _BITS[one.kind]
    values = -(-rows * width * bits // 8)
    if one.kind == "float":
        return values
    scales = rows if one.group_size == -1 else rows * width // one.group_size
    zeros = 0 if one.symmetric else -(-scales * bits // 8)
    return values + scales * _SCALE_BYTES + zeros


def export_bytes(sizes: Dimensions, formats: Mapping[str, MatrixFormat]) -> int:
    """Return the size of openvino_model.bin, but for the graph's own small constants (1 kB).

    formats: of every matrix by name, such as `planned_formats` gives.
    """
    shapes = matrix_shapes(sizes)
    matrices = sum(stored_bytes(shapes[name], one) for name, one in formats.items())
    return matrices + _small_weights(sizes) * _SMALL_BYTES


def _matrix_weights(sizes: Dimensions) -> int:
    return sum(rows * columns for rows, columns in matrix_shapes(sizes).values())


def _small_weights(sizes: Dimensions) -> int:
    """Count the values of the norms and biases."""
    norms = 4 if sizes.extra_norms else 2
    biases = (sizes.heads + 2 * sizes.kv_heads) * sizes.head_dim if sizes.qkv_bias else 0
    return sizes.layers * (norms * sizes.hidden_size + biases) + sizes.hidden_size
