"""Golden tokens: fixed prompts and the CPU's greedy tokens, to hold other devices against."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ovglm.manifest import Golden
from ovglm.progress import Progress
from ovglm.tokens import Tokenizer
from ovglm_export.layerwise import LayerwiseModel
from ovglm_export.native import load_part, part_names
from ovglm_export.spool import Spool

__all__ = ["GOLDEN_TEXTS", "GoldenPrompts", "make_golden"]

GOLDEN_TEXTS = (
    "The capital of France is Paris, and the capital of Japan is",
    "你好，请用一句话介绍一下你自己。我是",
    "1, 2, 3, 4, 5, 6, 7,",
)
# Up to this size of weights all compiled parts stay in memory, and whole answers are generated.
_SMALL_BYTES = 256 << 20
_ANSWER_TOKENS = 16
_PREFIXES = 8


@dataclass(frozen=True)
class GoldenPrompts:
    """The fixed texts as ids, and the ids that end an answer; those are never golden tokens."""

    prompts: tuple[tuple[int, ...], ...]
    stop_ids: tuple[int, ...]

    @staticmethod
    def of(folder: Path, stop_ids: tuple[int, ...]) -> "GoldenPrompts":
        """Encode the fixed texts with a folder's tokenizer."""
        encode = Tokenizer.load(folder).encode
        prompts = tuple(tuple(encode(text, allow_special=False)) for text in GOLDEN_TEXTS)
        return GoldenPrompts(prompts, stop_ids)


def make_golden(
    spool: Spool, layers: int, size_bytes: int, asked: GoldenPrompts, progress: Progress
) -> tuple[Golden, ...]:
    """Make golden tokens from the spooled parts.

    A small model answers each prompt with 16 tokens. A large one is run once, layer by layer,
    over the first prompt, which gives the greedy next token after each of its last 8 prefixes:
    more would read all weights again for every token.
    """
    names = part_names(layers)
    small = size_bytes <= _SMALL_BYTES
    model = LayerwiseModel(partial(load_part, spool), names, keep=small)
    if not small:
        progress.stage("golden", len(names))
        found = _next_tokens(model, asked.prompts[0], progress)
        return tuple(golden for golden in found if golden.tokens[0] not in asked.stop_ids)
    progress.stage("golden", len(asked.prompts))
    answers = []
    for prompt in asked.prompts:
        answers.append(_answer(model, prompt, asked.stop_ids))
        progress.advance()
    return tuple(golden for golden in answers if golden.tokens)


def _answer(model: LayerwiseModel, prompt: tuple[int, ...], stop_ids: tuple[int, ...]) -> Golden:
    """Generate greedily, up to a stop id."""
    model.reset()
    tokens: list[int] = []
    logits = model.forward(list(prompt), _nothing)
    while (best := int(np.argmax(logits[-1]))) not in stop_ids and len(tokens) < _ANSWER_TOKENS:
        tokens.append(best)
        logits = model.forward([best], _nothing)
    return Golden(prompt, tuple(tokens))


def _next_tokens(
    model: LayerwiseModel, prompt: tuple[int, ...], progress: Progress
) -> tuple[Golden, ...]:
    """Take the greedy next token after each of the last prefixes, from one pass."""
    best = np.argmax(model.forward(list(prompt), progress.advance), axis=-1)
    ends = range(max(1, len(prompt) - _PREFIXES + 1), len(prompt) + 1)
    return tuple(Golden(prompt[:end], (int(best[end - 1]),)) for end in ends)


def _nothing() -> None:
    """Report no progress for a single part."""
