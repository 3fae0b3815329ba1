"""How much memory a model takes, computed from its sizes, and whether that fits a device.

The formulas' constants were measured with openvino 2026.4.1 on the CPU (GLM-Edge-1.5B's shape in
INT4: anonymous memory at its peak, less weights and cache) or are read from the plugins' sources.
A prompt of 4000 tokens takes 1.16 GB there; the formulas say 1.30 GB.
"""

from dataclasses import dataclass

from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import CachePrecision
from ovglm.devices.placement import MemoryNeed
from ovglm.errors import OvglmError

__all__ = [
    "PAGE_TOKENS",
    "STEP_TOKENS",
    "Footprint",
    "activation_bytes",
    "cache_bytes_per_token",
    "check_fit",
    "show_bytes",
]

# Prompt tokens that the paged engine computes in one step.
STEP_TOKENS = 512
# Tokens of one page of the paged cache: CPU plugin 32, GPU plugin 16.
PAGE_TOKENS = {"CPU": 32, "GPU": 16}
# A scale and a zero point: two f32 on the CPU, two f16 on the GPU.
_QUANTISATION_BYTES = {"CPU": 8, "GPU": 4}
_BYTES = {"u8": 1, "f16": 2, "bf16": 2, "f32": 4}
# Libraries, the compiled graph and small buffers: 40 to 145 MB measured.
_RUNTIME_BYTES = 160 << 20
# f32 values per token and step as multiples of the hidden size: gate, up and their product are
# about 10 of them in GLM, the rest is 4; 13.4 measured.
_ACTIVATIONS = 14


@dataclass(frozen=True)
class Footprint:
    """Bytes that a loaded model takes: `weights` and `workspace` always, the rest per token."""

    weights: int
    workspace: int
    cache_per_token: int
    workspace_per_token: int = 0

    def need(self, tokens: int) -> MemoryNeed:
        """Give the need for a cache of this many tokens."""
        workspace = self.workspace + self.workspace_per_token * tokens
        return MemoryNeed(self.weights, self.cache_per_token * tokens, workspace)

    def most_tokens(self, free: int) -> int:
        """Give the tokens that fit into so many bytes; 0 where not even the weights do."""
        rest = free - self.weights - self.workspace
        return max(0, rest // (self.cache_per_token + self.workspace_per_token))

    def beside(self, other: "Footprint") -> "Footprint":
        """Add a second model that keeps the same tokens, as a draft does."""
        return Footprint(
            self.weights + other.weights,
            self.workspace + other.workspace,
            self.cache_per_token + other.cache_per_token,
            self.workspace_per_token + other.workspace_per_token,
        )


def cache_bytes_per_token(facts: ModelFacts, precision: CachePrecision, plugin: str) -> int:
    """Give the paged KV cache's bytes per token.

    2 x layers x KV heads x head size x bytes of the format. In u8 each value row of a head carries
    a scale and a zero point, and so does each channel of a page of keys: 1.19 times the plain size
    for GLM on the CPU (1520 bytes measured for nano's 1280), 1.14 times on the GPU.
    """
    rows = facts.layers * facts.kv_heads
    plain = 2 * rows * facts.head_dim * _BYTES[precision]
    if precision != "u8":
        return plain
    extra = _QUANTISATION_BYTES[plugin]
    keys = facts.head_dim * extra / PAGE_TOKENS[plugin]
    return plain + round(rows * (extra + keys))


def activation_bytes(facts: ModelFacts, tokens: int) -> int:
    """Give the room that computing this many tokens in one step takes, beside the cache."""
    return _RUNTIME_BYTES + _ACTIVATIONS * facts.hidden * 4 * tokens


def check_fit(facts: ModelFacts, need: MemoryNeed, tokens: int, most: int, free: int) -> None:
    """Raise OvglmError with the figures where `need` for `tokens` is more than is free.

    most: the tokens that would fit.
    """
    if need.total <= free:
        return
    figures = (
        f"{facts.name} with a cache of {tokens} tokens takes {show_bytes(need.total)} "
        f"(weights {show_bytes(need.weights)}, KV cache {show_bytes(need.kv_cache)}, "
        f"workspace {show_bytes(need.workspace)}) and {show_bytes(free)} are free"
    )
    if most < 1:
        raise OvglmError(f"{figures}; not even an empty context fits", "a smaller model")
    raise OvglmError(f"{figures}; the largest context that fits is {most}", f"--context {most}")


def show_bytes(count: int) -> str:
    """Write a size as people do: `940 MB`, `5.45 GB`."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
