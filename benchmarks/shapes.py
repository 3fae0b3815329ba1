"""Write random bf16 checkpoints in the true shapes of GLM text models; no torch, little memory.

The weights are drawn from a seeded pool of normal values that repeats after 16 Mi numbers, so
18.8 GB are written at the speed of the disk. Nothing a benchmark measures depends on the values.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import ml_dtypes
import numpy as np

from benchmarks.shape_tokenizer import SPECIAL, write_tokenizer

__all__ = [
    "SHAPES",
    "Shape",
    "add_shard",
    "shard_headers",
    "weight_values",
    "weights_bytes",
    "write_checkpoint",
    "write_texts",
]

_TURNS = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
_REPLY = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
_POOL = 2**24
_SHARD_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Shape:
    """The numbers of a `glm` checkpoint; `text_tokens` is the first special token's id."""

    hidden: int
    layers: int
    heads: int
    groups: int
    ffn: int
    vocabulary: int
    text_tokens: int
    positions: int
    theta: float
    rotary: float
    eps: float
    bias: bool
    head_dim: int = 128


SHAPES = {
    "glm-edge-1.5b": Shape(2048, 28, 16, 4, 6144, 59264, 59246, 8192, 10000.0, 1.0, 1e-5, False),
    "glm-edge-4b": Shape(3072, 40, 24, 6, 8192, 59264, 59246, 8192, 10000.0, 1.0, 1e-5, False),
    "glm-4-9b-chat-hf": Shape(
        4096, 40, 32, 2, 13696, 151552, 151329, 131072, 5e6, 0.5, 1.5625e-07, True
    ),
    # For tests: the smallest that every tool accepts.
    "tiny": Shape(128, 2, 4, 2, 256, 384, 300, 1024, 10000.0, 0.5, 1e-5, True, head_dim=32),
}


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    is_norm: bool = False

    @property
    def size(self) -> int:
        """Bytes in bf16."""
        return 2 * int(np.prod(self.shape))


def weights_bytes(shape: Shape) -> int:
    """Return the bytes of all tensors in bf16."""
    return sum(tensor.size for tensor in _tensors(shape))


def write_checkpoint(
    shape: Shape, folder: Path, *, seed: int = 0, shard_bytes: int = _SHARD_BYTES
) -> int:
    """Write config, tokenizer and sharded safetensors into a new folder; return the weights' bytes.

    Raises FileExistsError where the folder exists.
    """
    write_texts(shape, folder, shard_bytes=shard_bytes)
    for name, shard in _shards(shape, shard_bytes).items():
        _write_shard(folder / name, shard, seed)
    return weights_bytes(shape)


def write_texts(shape: Shape, folder: Path, *, shard_bytes: int = _SHARD_BYTES) -> None:
    """Write all of a checkpoint but its weights into a new folder."""
    folder.mkdir(parents=True)
    _write_json(folder / "config.json", _config(shape))
    write_tokenizer(shape.text_tokens, folder)
    _write_tokenizer_settings(shape, folder)
    shards = _shards(shape, shard_bytes)
    if len(shards) > 1:
        weight_map = {tensor.name: name for name, shard in shards.items() for tensor in shard}
        index = {"metadata": {"total_size": weights_bytes(shape)}, "weight_map": weight_map}
        _write_json(folder / "model.safetensors.index.json", index)


def add_shard(
    folder: Path, name: str, shapes: Mapping[str, tuple[int, ...]], *, seed: int = 1
) -> None:
    """Write further tensors into a shard of their own, and into the index of a sharded checkpoint.

    shapes: by the tensors' names; weights whose name has `norm` in it lie around 1.
    """
    tensors = [
        _Tensor(tensor, shape, "norm" in tensor and tensor.endswith("weight"))
        for tensor, shape in sorted(shapes.items())
    ]
    _write_shard(folder / name, tensors, seed)
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    index["weight_map"] |= dict.fromkeys(shapes, name)
    _write_json(path, index)


def shard_headers(shape: Shape, shard_bytes: int) -> dict[str, tuple[bytes, int]]:
    """Return of every shard its header, and the bytes that follow it."""
    return {
        name: (_header(shard), sum(tensor.size for tensor in shard))
        for name, shard in _shards(shape, shard_bytes).items()
    }


def weight_values(random: np.random.Generator) -> np.ndarray:
    """Draw the pool of bf16 values that all weights come from."""
    return (random.standard_normal(_POOL, dtype=np.float32) * 0.02).astype(ml_dtypes.bfloat16)


def _tensors(shape: Shape) -> Iterator[_Tensor]:
    rows = {"q": shape.heads, "k": shape.groups, "v": shape.groups}
    attention = shape.heads * shape.head_dim
    yield _Tensor("model.embed_tokens.weight", (shape.vocabulary, shape.hidden))
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        for letter, heads in rows.items():
            name = f"{prefix}self_attn.{letter}_proj."
            yield _Tensor(name + "weight", (heads * shape.head_dim, shape.hidden))
            if shape.bias:
                yield _Tensor(name + "bias", (heads * shape.head_dim,))
        yield _Tensor(prefix + "self_attn.o_proj.weight", (shape.hidden, attention))
        yield _Tensor(prefix + "mlp.gate_up_proj.weight", (2 * shape.ffn, shape.hidden))
        yield _Tensor(prefix + "mlp.down_proj.weight", (shape.hidden, shape.ffn))
        yield _Tensor(prefix + "input_layernorm.weight", (shape.hidden,), True)
        yield _Tensor(prefix + "post_attention_layernorm.weight", (shape.hidden,), True)
    yield _Tensor("model.norm.weight", (shape.hidden,), True)
    yield _Tensor("lm_head.weight", (shape.vocabulary, shape.hidden))


def _shards(shape: Shape, shard_bytes: int) -> dict[str, list[_Tensor]]:
    """Deal the tensors out; within a shard they are in the order of their names, as on hubs."""
    shards = _split(list(_tensors(shape)), shard_bytes)
    if len(shards) == 1:
        return {"model.safetensors": sorted(shards[0], key=lambda tensor: tensor.name)}
    return {
        f"model-{at:05}-of-{len(shards):05}.safetensors": sorted(shard, key=lambda one: one.name)
        for at, shard in enumerate(shards, 1)
    }


def _split(tensors: list[_Tensor], shard_bytes: int) -> list[list[_Tensor]]:
    shards: list[list[_Tensor]] = [[]]
    held = 0
    for tensor in tensors:
        if shards[-1] and held + tensor.size > shard_bytes:
            shards.append([])
            held = 0
        shards[-1].append(tensor)
        held += tensor.size
    return shards


def _write_shard(path: Path, tensors: list[_Tensor], seed: int) -> None:
    pool = weight_values(np.random.default_rng(seed))
    with path.open("wb") as file:
        file.write(_header(tensors))
        for tensor in tensors:
            # Its values depend on no other tensor, and so on no split into shards.
            random = np.random.default_rng([seed, zlib.crc32(tensor.name.encode())])
            _write_values(file, tensor, pool, random)


def _header(tensors: list[_Tensor]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for tensor in tensors:
        span = [offset, offset + tensor.size]
        header[tensor.name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": span}
        offset += tensor.size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _write_values(
    file: BinaryIO, tensor: _Tensor, pool: np.ndarray, random: np.random.Generator
) -> None:
    left = tensor.size // 2
    while left:
        start = int(random.integers(pool.size - min(left, pool.size // 2)))
        values = pool[start : start + left]
        if tensor.is_norm:
            values = (values.astype(np.float32) + 1).astype(ml_dtypes.bfloat16)
        file.write(values.view(np.uint16).data)
        left -= values.size


def _stop_ids(shape: Shape) -> list[int]:
    stops = ("<|endoftext|>", "<|user|>", "<|observation|>")
    return [shape.text_tokens + SPECIAL.index(token) for token in stops]


def _config(shape: Shape) -> dict[str, object]:
    return {
        "architectures": ["GlmForCausalLM"],
        "attention_bias": shape.bias,
        "attention_dropout": 0.0,
        "eos_token_id": _stop_ids(shape),
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.ffn,
        "max_position_embeddings": shape.positions,
        "model_type": "glm",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.groups,
        "pad_token_id": shape.text_tokens,
        "partial_rotary_factor": shape.rotary,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": shape.vocabulary,
    }


def _write_tokenizer_settings(shape: Shape, folder: Path) -> None:
    prefix = "[gMASK]<sop>" if shape.rotary < 1 else ""  # GLM-Edge has no prefix
    settings = {
        "chat_template": prefix + _TURNS + _REPLY,
        "clean_up_tokenization_spaces": False,
        "eos_token": SPECIAL[0],
        "model_max_length": shape.positions,
        "pad_token": SPECIAL[0],
        "padding_side": "left",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    _write_json(folder / "tokenizer_config.json", settings)
    generation = {"eos_token_id": _stop_ids(shape), "pad_token_id": shape.text_tokens}
    _write_json(folder / "generation_config.json", generation)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Write one checkpoint and print its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("folder", type=Path, help="must not exist")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    arguments = parser.parse_args()
    size = write_checkpoint(SHAPES[arguments.shape], arguments.folder, seed=arguments.seed)
    print(f"{arguments.folder}: {size / 1e9:.2f} GB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
