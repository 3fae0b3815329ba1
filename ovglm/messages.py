"""What goes into a conversation and what comes out of a model, as frozen data without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ovglm.errors import OvglmError

__all__ = ["Chunk", "FinishReason", "Message", "Role", "Sampling", "ToolCall", "Usage"]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class ToolCall:
    """One call that the model asks for; `arguments` is the text of a JSON object."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Message:
    """One turn.

    `tools` are function descriptions ({"type": "function", "function": {...}}) offered from this
    message on, usually on a system message. `tool_calls` belong to an assistant message, and a
    message of role "tool" carries the result of one call in `content`.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen and when to end; the defaults are greedy.

    `temperature` 0 is greedy, `top_p` 1 and `top_k` 0 switch the filter off, and
    `repetition_penalty` 1 switches the penalty off. `seed` None takes the engine's own.
    """

    max_new_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        _require(self.max_new_tokens >= 1, "max_new_tokens", self.max_new_tokens, "at least 1")
        _require(0 <= self.temperature <= 2, "temperature", self.temperature, "from 0 to 2")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")
        _require(self.top_k >= 0, "top_k", self.top_k, "0 (off) or more")
        penalty = self.repetition_penalty
        _require(0 < penalty <= 10, "repetition_penalty", penalty, "above 0 and at most 10")
        _require(self.seed is None or self.seed >= 0, "seed", self.seed, "0 or more")

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0


@dataclass(frozen=True)
class Chunk:
    """Token ids in the order they were made; `finish_reason` is set on the last chunk only."""

    token_ids: tuple[int, ...] = ()
    finish_reason: FinishReason | None = None


@dataclass(frozen=True)
class Usage:
    """The figures of one answer; times in seconds, counted from when the prompt was handed over."""

    prompt_tokens: int
    reply_tokens: int
    first_token_s: float
    total_s: float

    @property
    def tokens_per_s(self) -> float | None:
        """Decode speed without the first token; None when there is nothing to measure."""
        decode_s = self.total_s - self.first_token_s
        if self.reply_tokens < 2 or decode_s <= 0:
            return None
        return (self.reply_tokens - 1) / decode_s


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise OvglmError(f"{name} is {value}; it must be {allowed}")
