"""Greedy decoding of both models: how far do they write the same?

The export never decodes: it is shown what the original wrote, and up to the first token that it
would have written otherwise that is its own greedy decoding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from ovglm.verification import Divergence, Level
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.join import join_parts
from ovglm_export.layerwise import RunningPart
from ovglm_export.native import embedding_output
from ovglm_export.parts import PartBuilder
from ovglm_export.verify.rounding import rounded

__all__ = ["DECODED_BYTES", "LIMITS", "Answer", "compare_answers", "compare_in_texts", "decode"]

# Up to this size of weights the original is decoded whole; its float32 form takes twice as much.
DECODED_BYTES = 128 << 20
LIMITS: dict[Level, int] = {"quick": 16, "full": 32}


@dataclass(frozen=True)
class Answer:
    """A prompt, and the greedy tokens of the original behind it."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]

    @property
    def shown(self) -> tuple[int, ...]:
        """Return the ids that the export reads: all but the last token."""
        return (*self.prompt, *self.tokens[:-1])


def decode(
    checkpoint: Checkpoint,
    prompts: Sequence[tuple[int, ...]],
    limit: int,
    stop_ids: Sequence[int],
    scratch: Path,
) -> tuple[Answer, ...]:
    """Let a small checkpoint answer in exact float32, up to `limit` tokens or a stop id each."""
    # The builder holds the arrays that its models share.
    builder = PartBuilder(checkpoint, {}, scratch)
    arch = checkpoint.architecture
    first = builder.embedding()
    layers = [builder.decoder_layer(layer) for layer in range(arch.layers)]
    tied = embedding_output(first) if arch.tied else None
    model = RunningPart(join_parts(first, layers, builder.head(), tied), keep=True)
    return tuple(Answer(prompt, _answer(model, prompt, limit, stop_ids)) for prompt in prompts)


def _answer(
    model: RunningPart, prompt: Sequence[int], limit: int, stop_ids: Sequence[int]
) -> tuple[int, ...]:
    """Decode one answer; a stop id is its last token."""
    model.reset()
    tokens: list[int] = []
    new, total = list(prompt), 0
    while len(tokens) < limit and not (tokens and tokens[-1] in stop_ids):
        start, total = total, total + len(new)
        inputs = {
            "input_ids": np.array([new], np.int64),
            "attention_mask": np.ones((1, total), np.int64),
            "position_ids": np.arange(start, total, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, np.int32),
        }
        new = [int(model.run(inputs)["logits"][0, -1].argmax())]
        tokens += new
    return tuple(tokens)


def compare_answers(
    answers: Sequence[Answer], export_best: Sequence[np.ndarray], limit: int
) -> Divergence:
    """Compare the original's answers with the export's likeliest token behind each id shown."""
    pairs = [
        (np.array(answer.tokens), best[len(answer.prompt) - 1 :])
        for answer, best in zip(answers, export_best, strict=True)
    ]
    return _sum_up("decoded", limit, pairs)


def compare_in_texts(
    ids: Sequence[Sequence[int]], best: Sequence[np.ndarray], export_best: Sequence[np.ndarray]
) -> Divergence:
    """Compare on those stretches of the texts that the original would have written itself.

    Behind any token of a text the original decodes greedily. As long as its likeliest token is the
    text's own next one, that decoding is the text, so the logits over the text are those of the
    decoding. Such a stretch ends with the first token in which the original leaves the text; the
    next one begins behind it.
    """
    pairs = []
    for text, wanted, found in zip(ids, best, export_best, strict=True):
        for start, stop in _stretches(np.array(text), wanted):
            pairs.append((wanted[start:stop], found[start:stop]))
    longest = max((len(wanted) for wanted, _ in pairs), default=0)
    return _sum_up("in_texts", longest, pairs)


def _stretches(text: np.ndarray, best: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut a text's predictions behind each one that the text does not follow."""
    start = 0
    for place in range(len(text)):
        if place + 1 == len(text) or best[place] != text[place + 1]:
            yield start, place + 1
            start = place + 1


def _sum_up(
    form: Literal["decoded", "in_texts"],
    limit: int,
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Divergence:
    """Count, from greedy tokens of the original and the export's in their places."""
    places, tokens = [], 0
    for wanted, found in pairs:
        differing = np.flatnonzero(wanted != found[: len(wanted)])
        if differing.size:
            places.append(int(differing[0]) + 1)
        tokens += places[-1] if differing.size else len(wanted)
    middle = rounded(median(places)) if places else None
    return Divergence(form, limit, len(pairs), len(places), tokens, middle)
