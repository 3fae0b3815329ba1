"""Compares the two models' predictions token by token; the logits themselves are not kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ovglm_export.hidden import HiddenStates
from ovglm_export.verify.reference import ReferenceHead
from ovglm_export.verify.walk import Pair

__all__ = ["Predictions", "compare_logits", "logits_bytes"]

# Logits of one chunk: 256 MB of the original's in memory, as many of the export's on disk.
_CHUNK_VALUES = 64 << 20
# Logits that are compared at once, in float64.
_BLOCK_VALUES = 2 << 20
_HEAD_TOKENS = 16
_BEST = 5


@dataclass(frozen=True)
class Predictions:
    """What both models say behind each token of all samples, one after the other: [tokens].

    kl: KL(original || export) in nats. top5: share of the original's five likeliest tokens that
    are among the export's. loss, export_loss: -log p(next token); 0 behind a sample's last token.
    best, export_best: the likeliest next token.
    """

    kl: np.ndarray
    top5: np.ndarray
    loss: np.ndarray
    export_loss: np.ndarray
    best: np.ndarray
    export_best: np.ndarray


def compare_logits(
    pair: Pair,
    states: tuple[HiddenStates, HiddenStates],
    samples: Sequence[Sequence[int]],
    scratch: Path,
) -> Predictions:
    """Compute the logits of both from their last hidden states, original first, and compare.

    In chunks of tokens, so that memory stays that of the export's head and of one chunk.
    """
    arch = pair.checkpoint.architecture
    ids = np.concatenate([[*sample[1:], -1] for sample in samples])
    size = _chunk_tokens(arch.vocab_size)
    found = []
    for start in range(0, len(ids), size):
        stop = min(start + size, len(ids))
        exported = _export_logits(pair, _rows(states[1], start, stop), scratch / "logits")
        original = ReferenceHead(pair.checkpoint).run(_rows(states[0], start, stop))
        found += _compare(original, exported, ids[start:stop])
        # Room for the next chunk; and Windows makes no file anew that is still mapped.
        del exported, original
    names = [one.name for one in fields(Predictions)]
    return Predictions(*(np.concatenate([getattr(one, name) for one in found]) for name in names))


def logits_bytes(vocabulary: int, tokens: int) -> int:
    """Return the bytes that the export's logits take on the disk."""
    return min(tokens, _chunk_tokens(vocabulary)) * vocabulary * 4


def _chunk_tokens(vocabulary: int) -> int:
    return max(_HEAD_TOKENS, _CHUNK_VALUES // vocabulary)


def _export_logits(pair: Pair, hidden: np.ndarray, file: Path) -> np.ndarray:
    """Run the export's head over some tokens [T, H]; the logits [T, vocab] lie in a mapped file."""
    head = pair.part(len(pair.export.parts) - 1)
    shape = (len(hidden), pair.checkpoint.architecture.vocab_size)
    logits = np.memmap(file, np.float32, mode="w+", shape=shape)
    for start in range(0, len(hidden), _HEAD_TOKENS):
        part = hidden[None, start : start + _HEAD_TOKENS]
        logits[start : start + _HEAD_TOKENS] = head.run(part)[0]
    return logits


def _rows(states: HiddenStates, start: int, stop: int) -> np.ndarray:
    """Read tokens start:stop of all samples, one after the other: [tokens, H]."""
    rows, first = [], 0
    for sample, length in enumerate(states.lengths):
        if first < stop and start < first + length:
            rows.append(states.read(sample)[max(0, start - first) : stop - first])
        first += length
    return np.concatenate(rows)


def _compare(original: np.ndarray, exported: np.ndarray, ids: np.ndarray) -> Iterator[Predictions]:
    """Compare logits [T, vocab] in blocks; ids: the token that really follows, -1 for none."""
    step = max(1, _BLOCK_VALUES // original.shape[1])
    for start in range(0, len(ids), step):
        block = slice(start, start + step)
        yield _compare_block(original[block], np.asarray(exported[block]), ids[block])


def _compare_block(original: np.ndarray, exported: np.ndarray, ids: np.ndarray) -> Predictions:
    """Compare one block."""
    logs, export_logs = _logarithms(original), _logarithms(exported)
    rows, ends = np.arange(len(ids)), ids < 0
    best = np.argpartition(original, -_BEST, axis=-1)[:, -_BEST:]
    export_best = np.argpartition(exported, -_BEST, axis=-1)[:, -_BEST:]
    shared = (best[:, :, None] == export_best[:, None, :]).any(axis=-1)
    return Predictions(
        kl=(np.exp(logs) * (logs - export_logs)).sum(axis=-1),
        top5=shared.mean(axis=-1),
        loss=np.where(ends, 0.0, -logs[rows, ids]),
        export_loss=np.where(ends, 0.0, -export_logs[rows, ids]),
        best=original.argmax(axis=-1),
        export_best=exported.argmax(axis=-1),
    )


def _logarithms(logits: np.ndarray) -> np.ndarray:
    """Turn logits [T, vocab] into natural logarithms of probabilities, float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
