"""Perplexity of a model on a text, read in windows that overlap."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ovglm.errors import OvglmError
from ovglm.eval.likelihoods import Likelihoods
from ovglm.progress import Progress

__all__ = ["Perplexity", "Windows", "choose_windows", "measure_perplexity"]

# What published figures for language models commonly read at once.
_USUAL_CONTEXT = 2048


@dataclass(frozen=True)
class Windows:
    """How a text is cut: windows of `context` tokens, each beginning `stride` after the last."""

    context: int
    stride: int


@dataclass(frozen=True)
class Perplexity:
    """What a text cost the model.

    tokens: that were scored. nats: -log p of all of them, natural logarithms. size: their bytes
    in UTF-8.
    """

    tokens: int
    nats: float
    size: int
    windows: Windows

    @property
    def perplexity(self) -> float:
        """exp of the mean of -log p per token; it depends on the tokenizer."""
        try:
            return math.exp(self.nats / self.tokens)
        except OverflowError:
            return math.inf

    @property
    def bits_per_byte(self) -> float:
        """-log2 p per byte of text, which models with other tokenizers can be held against."""
        return self.nats / math.log(2) / self.size


def choose_windows(
    likelihoods: Likelihoods, context: int | None = None, stride: int | None = None
) -> Windows:
    """Fill in what was not asked for: 2048 tokens, or what the model takes, and half of them.

    Raises OvglmError for a stride that would leave tokens out or never get on.
    """
    context = context or min(_USUAL_CONTEXT, likelihoods.context)
    most = context - len(likelihoods.tokenizer.prefix)
    stride = max(1, most // 2) if stride is None else stride
    if most < 2:
        raise OvglmError(f"a context of {context} tokens has no room for text", "--context 512")
    if not 1 <= stride <= most:
        raise OvglmError(
            f"the stride is {stride}; it must be from 1 to {most}, the text in one window",
            f"--stride {most // 2}",
        )
    return Windows(context, stride)


def measure_perplexity(
    likelihoods: Likelihoods,
    text: str,
    windows: Windows,
    progress: Progress,
    limit: int | None = None,
) -> Perplexity:
    """Score the text's tokens, each once and given as many before it as its window holds.

    Every window begins with the control tokens that the tokenizer puts before a text; where it
    has none, the first token of the text is read and not scored. limit: score only so many
    tokens. Raises OvglmError for a text without a token to score.
    """
    tokenizer = likelihoods.tokenizer
    prefix = tokenizer.prefix
    ids = tokenizer.encode(text, allow_special=False)
    skipped = 0 if prefix else 1
    if limit is not None:
        ids = ids[: limit + skipped]
    if len(ids) <= skipped:
        raise OvglmError(f"the text has {len(ids)} token, too few to score", "a longer text")
    cuts = list(_cut(len(ids), windows.context - len(prefix), windows.stride, skipped))
    progress.stage("perplexity", len(ids) - skipped)
    nats = 0.0
    for start, first, end in cuts:
        window = [*prefix, *ids[start:end]]
        for scores in likelihoods.sequence(window, len(prefix) + first - start):
            nats -= scores.total
            progress.advance(len(scores.logprobs))
    scored = ids[skipped:]
    return Perplexity(len(scored), nats, _size(likelihoods, scored), windows)


def _cut(length: int, most: int, stride: int, skipped: int) -> Iterator[tuple[int, int, int]]:
    """Give for each window where it starts, its first token to be scored, and its end."""
    first = skipped
    for start in range(0, length, stride):
        end = min(start + most, length)
        if first < end:
            yield start, first, end
            first = end
        if end == length:
            return


def _size(likelihoods: Likelihoods, ids: Sequence[int]) -> int:
    """Count the bytes that the tokens stand for."""
    tokenizer = likelihoods.tokenizer
    return sum(len(tokenizer.token_bytes(token, skip_special=False)) for token in ids)
