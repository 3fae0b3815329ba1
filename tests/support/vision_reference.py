"""Both vision towers in plain torch, written from the maths. For tests only.

Tensors go by the checkpoint's own names, so nothing here shares a name table with the exporter.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch
import torch.nn.functional as fn

__all__ = ["edge_adapter", "load_tensors", "reference_vectors"]

Tensors = Mapping[str, torch.Tensor]
_TYPES: dict[str, Any] = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32}


def load_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Read all safetensors files of a folder as float32, byte by byte."""
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        raw = file.read_bytes()
        end = 8 + int.from_bytes(raw[:8], "little")
        for name, row in json.loads(raw[8:end]).items():
            if name == "__metadata__":
                continue
            start, stop = row["data_offsets"]
            values = np.frombuffer(raw[end + start : end + stop], _TYPES[row["dtype"]])
            wide = values.astype(np.float32).reshape(row["shape"])
            found[name] = torch.from_numpy(wide)
    return found


@torch.no_grad()
def reference_vectors(
    config: Mapping[str, Any], tensors: Tensors, pixels: np.ndarray
) -> np.ndarray:
    """Compute the vectors of pictures: pixels [B, C, S, S] in, float32 [B, vectors, H] out.

    config: the checkpoint's config.json.
    """
    compute = _glm_edge_v if config["model_type"] == "glm" else _glm_4v
    return compute(config["vision_config"], tensors, torch.from_numpy(pixels)).numpy()


def _glm_edge_v(vision: Mapping[str, Any], known: Tensors, images: torch.Tensor) -> torch.Tensor:
    vit = "model.vision.vit.model.vision_model"
    eps = vision.get("layer_norm_eps", 1e-6)
    is_tanh = vision.get("hidden_act", "gelu_pytorch_tanh") != "gelu"
    x = _patches(images, known, f"{vit}.embeddings.patch_embedding", vision["patch_size"])
    x = x + known[f"{vit}.embeddings.position_embedding.weight"]
    for at in range(vision["num_hidden_layers"]):
        layer = f"{vit}.encoder.layers.{at}"
        normed = _norm(x, known, f"{layer}.layer_norm1", eps)
        q, k, v = (_dense(normed, known, f"{layer}.self_attn.{one}_proj") for one in "qkv")
        mixed = _attention(q, k, v, vision["num_attention_heads"])
        x = x + _dense(mixed, known, f"{layer}.self_attn.out_proj")
        x = x + _mlp(_norm(x, known, f"{layer}.layer_norm2", eps), known, f"{layer}.mlp", is_tanh)
    return edge_adapter(_norm(x, known, f"{vit}.post_layernorm", eps), known)


def edge_adapter(x: torch.Tensor, known: Tensors) -> torch.Tensor:
    """Turn the tower's states [B, patches, H] into GLM-Edge-V's vectors."""
    adapter = "model.vision.adapter"
    x = _downsample(x, known, f"{adapter}.conv")
    x = _adapter(x, known, f"{adapter}.linear", ("linear", "gate"))
    return _with_ends(x, known[f"{adapter}.boi"], known[f"{adapter}.eoi"])


def _glm_4v(vision: Mapping[str, Any], known: Tensors, images: torch.Tensor) -> torch.Tensor:
    root = "transformer.vision"
    eps, is_tanh = vision["layer_norm_eps"], vision["hidden_act"] != "gelu"
    x = _patches(images, known, f"{root}.patch_embedding.proj", vision["patch_size"])
    first = known[f"{root}.patch_embedding.cls_embedding"].reshape(1, 1, -1)
    x = torch.cat([first.expand(len(x), -1, -1), x], 1)
    x = x + known[f"{root}.patch_embedding.position_embedding.weight"]
    for at in range(vision["num_hidden_layers"]):
        layer = f"{root}.transformer.layers.{at}"
        fused = _dense(x, known, f"{layer}.attention.query_key_value")
        mixed = _attention(*fused.chunk(3, -1), vision["num_heads"])
        out = _dense(mixed, known, f"{layer}.attention.dense")
        x = x + _norm(out, known, f"{layer}.input_layernorm", eps)
        out = _mlp(x, known, f"{layer}.mlp", is_tanh)
        x = x + _norm(out, known, f"{layer}.post_attention_layernorm", eps)
    x = _downsample(x[:, 1:], known, f"{root}.conv")
    x = _adapter(x, known, f"{root}.linear_proj", ("linear_proj", "gate_proj"))
    return _with_ends(x, known[f"{root}.boi"], known[f"{root}.eoi"]) / vision["scaling_factor"]


def _patches(images: torch.Tensor, known: Tensors, name: str, patch: int) -> torch.Tensor:
    """Convolve without overlap; patches in rows, as [B, patches, H]."""
    found = fn.conv2d(images, known[f"{name}.weight"], known[f"{name}.bias"], stride=patch)
    return found.flatten(2).transpose(1, 2)


def _downsample(x: torch.Tensor, known: Tensors, name: str) -> torch.Tensor:
    """Convolve the square of patches with kernel and stride 2."""
    side = round(x.shape[1] ** 0.5)
    square = x.transpose(1, 2).reshape(len(x), x.shape[2], side, side)
    found = fn.conv2d(square, known[f"{name}.weight"], known[f"{name}.bias"], stride=2)
    return found.flatten(2).transpose(1, 2)


def _adapter(x: torch.Tensor, known: Tensors, at: str, names: tuple[str, str]) -> torch.Tensor:
    """A linear map, norm, GELU, then silu(gate x) * (up x) through the last matrix."""
    x = x @ known[f"{at}.{names[0]}.weight"].T
    x = fn.gelu(_norm(x, known, f"{at}.norm1", 1e-5))
    gate = fn.silu(x @ known[f"{at}.{names[1]}.weight"].T)
    up = x @ known[f"{at}.dense_h_to_4h.weight"].T
    return (gate * up) @ known[f"{at}.dense_4h_to_h.weight"].T


def _attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, heads: int) -> torch.Tensor:
    """Attend without a mask: softmax(q k^T / sqrt(d)) v."""
    split = [one.unflatten(-1, (heads, -1)).transpose(1, 2) for one in (q, k, v)]
    scores = split[0] @ split[1].transpose(-1, -2) / split[0].shape[-1] ** 0.5
    return (scores.softmax(-1) @ split[2]).transpose(1, 2).flatten(2)


def _mlp(x: torch.Tensor, known: Tensors, name: str, is_tanh: bool) -> torch.Tensor:
    inner = _dense(x, known, f"{name}.fc1")
    return _dense(fn.gelu(inner, approximate="tanh" if is_tanh else "none"), known, f"{name}.fc2")


def _dense(x: torch.Tensor, known: Tensors, name: str) -> torch.Tensor:
    return x @ known[f"{name}.weight"].T + known[f"{name}.bias"]


def _norm(x: torch.Tensor, known: Tensors, name: str, eps: float) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    return centred / (variance + eps).sqrt() * known[f"{name}.weight"] + known[f"{name}.bias"]


def _with_ends(x: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    ends = [one.reshape(1, 1, -1).expand(len(x), -1, -1) for one in (first, last)]
    return torch.cat([ends[0], x, ends[1]], 1)
