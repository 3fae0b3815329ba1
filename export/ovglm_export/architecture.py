"""The numbers that a GLM graph is built from; every one of them is read from a config.json."""

import math
from dataclasses import dataclass

import numpy as np

from ovglm.weight_sizes import matrix_shapes

__all__ = ["Architecture", "Yarn"]


@dataclass(frozen=True)
class Yarn:
    """YaRN context extension, as transformers' `_compute_yarn_parameters` defines it."""

    factor: float
    original_positions: int
    attention_factor: float
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True


@dataclass(frozen=True)
class Architecture:
    """One decoder-only GLM text model."""

    family: str
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    rotary_dim: int
    vocab_size: int
    max_positions: int
    rope_theta: float
    rms_eps: float
    qkv_bias: bool
    output_bias: bool
    tied: bool
    extra_norms: bool
    yarn: Yarn | None = None

    @property
    def parameters(self) -> int:
        """Count the weights of all matrices."""
        return sum(rows * columns for rows, columns in matrix_shapes(self).values())

    def inverse_frequencies(self) -> np.ndarray:
        """Return the rotary inverse frequencies, float32 of shape [rotary_dim / 2]."""
        exponents = np.arange(0, self.rotary_dim, 2, dtype=np.float32) / np.float32(self.rotary_dim)
        inverse = (1.0 / np.power(np.float32(self.rope_theta), exponents)).astype(np.float32)
        return inverse if self.yarn is None else self._stretched(inverse, self.yarn)

    @property
    def rotary_scale(self) -> float:
        """Return the factor on cos and sin (YaRN's attention factor; 1.0 without YaRN)."""
        return 1.0 if self.yarn is None else self.yarn.attention_factor

    def _stretched(self, inverse: np.ndarray, yarn: Yarn) -> np.ndarray:
        """Blend the frequencies: the fast ones stay, the slow ones are divided by the factor.

        Source: transformers, `modeling_rope_utils._compute_yarn_parameters`.
        """
        low = self._turns_to_channel(yarn.beta_fast, yarn.original_positions)
        high = self._turns_to_channel(yarn.beta_slow, yarn.original_positions)
        if yarn.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, self.rotary_dim - 1)
        width = (high - low) or 0.001
        channels = np.arange(self.rotary_dim // 2, dtype=np.float32)
        slow = np.clip((channels - low) / width, 0, 1).astype(np.float32)
        return (inverse / np.float32(yarn.factor) * slow + inverse * (1 - slow)).astype(np.float32)

    def _turns_to_channel(self, turns: float, positions: int) -> float:
        """Find the channel that makes this many turns over the original context."""
        span = math.log(positions / (turns * 2 * math.pi))
        return self.rotary_dim * span / (2 * math.log(self.rope_theta))
