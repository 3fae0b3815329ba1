"""The tower and its adapter in torch: SigLIP's layers and GLM-Edge-V's adapter.

Parameters go by the checkpoint's names below `model.vision.vit.model.vision_model` (the tower) and
`model.vision.adapter`; the two convolutions are kept as matrices, as they do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nano_training.model import Linear

__all__ = ["Adapter", "Tower", "VisionShape", "vision_config"]

MERGED = 2
CHANNELS = 3


@dataclass(frozen=True)
class VisionShape:
    """The numbers of `vision_config`; gate: width of the adapter's gated MLP."""

    side: int = 112
    patch: int = 14
    hidden: int = 192
    ffn: int = 512
    layers: int = 4
    heads: int = 3
    gate: int = 384
    eps: float = 1e-6

    @property
    def grid(self) -> int:
        """Return the patches along each side."""
        return self.side // self.patch

    @property
    def cells(self) -> int:
        """Return the merged patches along each side."""
        return self.grid // MERGED

    @property
    def vectors(self) -> int:
        """Return the vectors of a picture, those of its begin and end included."""
        return self.cells**2 + 2


class LayerNorm(nn.Module):
    """LayerNorm in float32; the result in `dtype`."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        return F.layer_norm(x.float(), x.shape[-1:], self.weight, self.bias, self.eps).to(dtype)


class Attention(nn.Module):
    """Attention of all patches to all."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            Linear(shape.hidden, shape.hidden, bias=True) for _ in range(4)
        )
        nn.init.zeros_(self.out_proj.weight)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part(x, False).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(y.transpose(1, 2).flatten(2), False)


class Mlp(nn.Module):
    """Two matrices with GELU between, in its tanh form."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.fc1 = Linear(shape.hidden, shape.ffn, bias=True)
        self.fc2 = Linear(shape.ffn, shape.hidden, bias=True)
        nn.init.zeros_(self.fc2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x, False), approximate="tanh"), False)


class Block(nn.Module):
    """One layer, norms in front."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.layer_norm1 = LayerNorm(shape.hidden, shape.eps)
        self.self_attn = Attention(shape)
        self.layer_norm2 = LayerNorm(shape.hidden, shape.eps)
        self.mlp = Mlp(shape)

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x, dtype))
        return x + self.mlp(self.layer_norm2(x, dtype))


class Embeddings(nn.Module):
    """Patches as a matrix sees them, and what is learned for each place."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.patch_embedding = Linear(CHANNELS * shape.patch**2, shape.hidden, bias=True)
        self.position_embedding = nn.Embedding(shape.grid**2, shape.hidden)
        nn.init.normal_(self.position_embedding.weight, std=0.3)


class Encoder(nn.Module):
    """The layers, under the checkpoint's name for them."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.layers))


class Tower(nn.Module):
    """Pixels [batch, 3, side, side] in, states [batch, patches, hidden] out."""

    def __init__(self, shape: VisionShape) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = Embeddings(shape)
        self.encoder = Encoder(shape)
        self.post_layernorm = LayerNorm(shape.hidden, shape.eps)

    def forward(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        grid, patch = self.shape.grid, self.shape.patch
        rows = pixels.reshape(len(pixels), CHANNELS, grid, patch, grid, patch)
        patches = rows.permute(0, 2, 4, 1, 3, 5).reshape(len(pixels), grid * grid, -1).to(dtype)
        x = self.embeddings.patch_embedding(patches, False).float()
        x = x + self.embeddings.position_embedding.weight
        for block in self.encoder.layers:
            x = block(x, dtype)
        return self.post_layernorm(x, dtype)


class GatedMlp(nn.Module):
    """The adapter's second half: a linear map, norm, GELU, a gated MLP."""

    def __init__(self, width: int, gate: int) -> None:
        super().__init__()
        self.linear = Linear(width, width)
        self.norm1 = LayerNorm(width, 1e-5)
        self.dense_h_to_4h = Linear(width, gate)
        self.gate = Linear(width, gate)
        self.dense_4h_to_h = Linear(gate, width)

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = F.gelu(self.norm1(self.linear(x, False), dtype))
        return self.dense_4h_to_h(F.silu(self.gate(x, False)) * self.dense_h_to_4h(x, False), False)


class Adapter(nn.Module):
    """States of the tower in, the vectors [batch, vectors, width] of a picture out."""

    def __init__(self, shape: VisionShape, width: int) -> None:
        super().__init__()
        self.shape = shape
        self.conv = Linear(MERGED**2 * shape.hidden, width, bias=True)
        self.linear = GatedMlp(width, shape.gate)
        self.boi = nn.Parameter(0.05 * torch.randn(1, 1, width))
        self.eoi = nn.Parameter(0.05 * torch.randn(1, 1, width))

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        cells, hidden = self.shape.cells, self.shape.hidden
        square = x.reshape(len(x), cells, MERGED, cells, MERGED, hidden)
        merged = square.permute(0, 1, 3, 5, 2, 4).reshape(len(x), cells * cells, -1)
        inner = self.linear(self.conv(merged, False), dtype).float()
        first, last = (end.expand(len(x), -1, -1) for end in (self.boi, self.eoi))
        return torch.cat((first, inner, last), 1)


def vision_config(shape: VisionShape) -> dict[str, Any]:
    """Return `vision_config` in the form of transformers' SiglipVisionConfig."""
    return {
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": shape.hidden,
        "image_size": shape.side,
        "intermediate_size": shape.ffn,
        "layer_norm_eps": shape.eps,
        "model_type": "siglip_vision_model",
        "num_attention_heads": shape.heads,
        "num_channels": CHANNELS,
        "num_hidden_layers": shape.layers,
        "patch_size": shape.patch,
    }
