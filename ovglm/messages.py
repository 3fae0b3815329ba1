"""What goes into a conversation and what comes out of a model, as frozen data without behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ovglm.errors import OvglmError
from ovglm.pictures.picture import Picture

__all__ = [
    "Chunk",
    "Constraint",
    "FinishReason",
    "Message",
    "Role",
    "Sampling",
    "ToolCall",
    "Usage",
]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class ToolCall:
    """One call that the model asks for; `arguments` is the text of a JSON object.

    `id` tells the calls of a conversation apart; no model writes one.
    """

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class Message:
    """One turn.

    `tools` are function descriptions ({"type": "function", "function": {...}}) offered from this
    message on, usually on a system message. `tool_calls` belong to an assistant message, as does
    `thought`, what it thought before. A message of role "tool" carries the result of one call in
    `content`, and the id of that call in `tool_call_id`. `pictures` belong to a user's message and
    stand in front of its text.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_call_id: str = ""
    thought: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Constraint:
    """What an answer must keep to: a JSON schema, or a structural tag of xgrammar, as JSON text."""

    kind: Literal["json_schema", "structural"]
    text: str


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen and when to end; the defaults are greedy.

    `temperature` 0 is greedy; `top_p` 1, `top_k` 0 and `min_p` 0 switch the filter off,
    `repetition_penalty` 1 and the two other penalties 0 the penalty. `min_p` keeps the tokens that
    are at least so many times as likely as the likeliest. `seed` None takes another one each time.
    An answer ends before the first of the `stop` texts; they are never part of it. With `logprobs`
    each token comes with its log-probability, and with those of the `top_logprobs` likeliest tokens
    in its place; with these both are the model's own, before temperature, penalties and constraint.
    `n` answers are made to one prompt. `constraint` is what each of them keeps to where it is not
    cut short. `keep_special` leaves control tokens in the text, for a dialect's parser, but for
    those that end it.
    """

    max_new_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False
    logprobs: bool = False
    n: int = 1
    constraint: Constraint | None = None
    top_logprobs: int = 0
    keep_special: bool = False

    def __post_init__(self) -> None:
        _require(self.max_new_tokens >= 1, "max_new_tokens", self.max_new_tokens, "at least 1")
        _require(0 <= self.temperature <= 2, "temperature", self.temperature, "from 0 to 2")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "above 0 and at most 1")
        _require(self.top_k >= 0, "top_k", self.top_k, "0 (off) or more")
        _require(0 <= self.min_p < 1, "min_p", self.min_p, "from 0 (off) to below 1")
        penalty = self.repetition_penalty
        _require(0 < penalty <= 10, "repetition_penalty", penalty, "above 0 and at most 10")
        for name in ("presence_penalty", "frequency_penalty"):
            value = getattr(self, name)
            _require(-2 <= value <= 2, name, value, "from -2 to 2")
        _require(self.seed is None or self.seed >= 0, "seed", self.seed, "0 or more")
        _require("" not in self.stop, "stop", self.stop, "texts of at least one character")
        _require(1 <= self.n <= 16, "n", self.n, "from 1 to 16")
        if self.constraint and self.ignore_eos:
            raise OvglmError("ignore_eos and a constraint exclude each other: the one never ends")
        best = self.top_logprobs
        _require(0 <= best <= 20, "top_logprobs", best, "from 0 to 20")
        _require(self.logprobs or not best, "top_logprobs", best, "0 without logprobs")

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0


@dataclass(frozen=True)
class Chunk:
    """A piece of an answer: token ids in the order they were made, and the text they completed.

    `text` holds whole characters only, and nothing that could still become a stop text, so it may
    lag behind `token_ids`. `logprobs` has one natural logarithm per token where they were asked
    for, and `top_logprobs` pairs of an id and its logarithm, best first. `cached_tokens` counts
    the prompt's tokens that were found in the prefix cache, on an answer's first chunk. `index`
    tells the answers to one prompt apart (0 to n-1); the last chunk of each has its
    `finish_reason`.
    """

    token_ids: tuple[int, ...] = ()
    text: str = ""
    logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason | None = None
    index: int = 0
    top_logprobs: tuple[tuple[tuple[int, float], ...], ...] = ()
    cached_tokens: int = 0


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
