"""The miniature's network in torch: the `glm` architecture, written for quick training on a CPU.

Weight names and mathematics are those of transformers' `GlmForCausalLM`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """The numbers of config.json."""

    vocab: int = 2048
    hidden: int = 256
    ffn: int = 512
    layers: int = 5
    heads: int = 4
    groups: int = 2
    head_dim: int = 64
    rotary: float = 0.5
    theta: float = 10000.0
    eps: float = 1e-5


def fake_int4(weight: Tensor, group: int = 64) -> Tensor:
    """Return the weight as symmetric INT4 would keep it; gradients pass straight through.

    Rows are quantised in groups along the input: levels -8..7, the largest magnitude is -8.
    """
    grouped = weight.detach().float().reshape(weight.shape[0], -1, group)
    low, high = grouped.amin(-1, keepdim=True), grouped.amax(-1, keepdim=True)
    scale = torch.where(low.abs() >= high, low.abs(), -high) / 8
    scale = torch.where(scale.abs() < 1e-8, torch.full_like(scale, 1e-8), scale)
    rounded = (grouped / scale).round().clamp(-8, 7) * scale
    return weight + (rounded.reshape(weight.shape) - weight).detach()


class Linear(nn.Module):
    """A projection computed in bfloat16, through fake INT4 when `quantised` is set."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def cast(self, quantised: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
        """Return weight and bias as they are multiplied."""
        weight = fake_int4(self.weight) if quantised else self.weight
        return weight.to(dtype), None if self.bias is None else self.bias.to(dtype)

    def forward(self, x: Tensor, quantised: bool) -> Tensor:
        return F.linear(x, *self.cast(quantised, x.dtype))


class Norm(nn.Module):
    """RMSNorm in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        x = x.float()
        return (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight).to(
            dtype
        )


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the even/odd pairs of the first channels of [batch, heads, time, head_dim]."""
    width = cos.shape[-1] * 2
    even, odd = x[..., 0:width:2], x[..., 1:width:2]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), -1).flatten(-2)
    return torch.cat((turned.to(x.dtype), x[..., width:]), -1)


class Attention(nn.Module):
    """Causal attention with grouped keys and values."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, narrow = shape.heads * shape.head_dim, shape.groups * shape.head_dim
        self.q_proj = Linear(shape.hidden, width, bias=True)
        self.k_proj = Linear(shape.hidden, narrow, bias=True)
        self.v_proj = Linear(shape.hidden, narrow, bias=True)
        self.o_proj = Linear(width, shape.hidden)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, quantised: bool) -> Tensor:
        batch, time, _ = x.shape
        dim, shared = self.shape.head_dim, self.shape.heads // self.shape.groups
        q, k, v = (
            part(x, quantised).view(batch, time, -1, dim).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1), quantised)


class Mlp(nn.Module):
    """SwiGLU with gate and up in one matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_up_proj = Linear(shape.hidden, 2 * shape.ffn)
        self.down_proj = Linear(shape.ffn, shape.hidden)

    def forward(self, x: Tensor, quantised: bool) -> Tensor:
        gate, up = self.gate_up_proj(x, quantised).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up, quantised)


class Layer(nn.Module):
    """One decoder layer, norms in front."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = Norm(shape.hidden, shape.eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = Norm(shape.hidden, shape.eps)
        self.mlp = Mlp(shape)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, quantised: bool, dtype: torch.dtype
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x, dtype), cos, sin, quantised)
        return x + self.mlp(self.post_attention_layernorm(x, dtype), quantised)


class Nano(nn.Module):
    """The whole network; the head shares the embedding's matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab, shape.hidden)
        nn.init.normal_(self.embed_tokens.weight, std=0.05)
        layers = [Layer(shape) for _ in range(shape.layers)]
        self.layers = nn.ModuleList(layers)
        self.norm = Norm(shape.hidden, shape.eps)
        for layer in layers:
            for matrix in (layer.self_attn.o_proj, layer.mlp.down_proj):
                nn.init.zeros_(matrix.weight)

    def hidden(self, ids: Tensor, quantised: bool, dtype: torch.dtype) -> Tensor:
        """Return the last hidden states, [batch, time, hidden]."""
        return self.decode(self.embed_tokens(ids), quantised, dtype)

    def decode(self, x: Tensor, quantised: bool, dtype: torch.dtype) -> Tensor:
        """Return the last hidden states of embedded tokens, both [batch, time, hidden]."""
        width = int(self.shape.head_dim * self.shape.rotary)
        rates = self.shape.theta ** (-torch.arange(0, width, 2).float() / width)
        angles = torch.arange(x.shape[1]).float()[:, None] * rates
        cos, sin = angles.cos(), angles.sin()
        for layer in self.layers:
            x = layer(x, cos, sin, quantised, dtype)
        return self.norm(x, dtype)

    def forward(self, ids: Tensor, where: Tensor, quantised: bool, dtype: torch.dtype) -> Tensor:
        """Return float32 logits at the flat positions `where` of ids [batch, time]."""
        return self.score(self.hidden(ids, quantised, dtype), where, dtype)

    def score(self, hidden: Tensor, where: Tensor, dtype: torch.dtype) -> Tensor:
        """Return float32 logits at the flat positions `where` of the last hidden states."""
        chosen = hidden.flatten(0, 1)[where]
        return F.linear(chosen, self.embed_tokens.weight.to(dtype)).float()


def config(shape: Shape, ids: dict[str, int]) -> dict[str, Any]:
    """Return config.json in the flat form of GLM-4-9B-Chat-HF; `ids` are the special tokens."""
    return {
        "architectures": ["GlmForCausalLM"],
        "attention_bias": True,
        "attention_dropout": 0.0,
        "eos_token_id": [ids["<|endoftext|>"], ids["<|user|>"], ids["<|observation|>"]],
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.ffn,
        "max_position_embeddings": 2048,
        "model_type": "glm",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.groups,
        "pad_token_id": ids["<|endoftext|>"],
        "partial_rotary_factor": shape.rotary,
        "rms_norm_eps": shape.eps,
        "rope_theta": shape.theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": shape.vocab,
    }
