"""Turns samples into padded tensors of a few fixed shapes; every batch holds the same work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from nano_training.samples import Sample
from nano_training.vocabulary import IGNORE, ChatFormat

TOKENS = 2304
WIDTHS = (24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 288, 384, 576)
CHOSEN = 256  # learned positions are padded to a multiple of this
Batch = tuple[Tensor, Tensor, Tensor]
Pair = tuple[list[int], list[int]]
AnySample = TypeVar("AnySample", bound=Sample)


def make_batches(form: ChatFormat, samples: Iterable[Sample]) -> Iterator[Batch]:
    """Yield batches of `TOKENS` positions."""
    for queue, width in group_by_width(form, samples):
        yield as_tensors([pair for pair, _ in queue], width)


def group_by_width(
    form: ChatFormat, samples: Iterable[AnySample]
) -> Iterator[tuple[list[tuple[Pair, AnySample]], int]]:
    """Yield samples with their ids and labels, as many as fill `TOKENS` positions, and their width.

    Samples wait in a queue for others of their length.
    """
    queues: dict[int, list[tuple[Pair, AnySample]]] = {width: [] for width in WIDTHS}
    for sample in samples:
        pair = form.training_ids(sample)
        width = next((width for width in WIDTHS if width >= len(pair[0])), None)
        if width is None:
            continue
        queue = queues[width]
        queue.append((pair, sample))
        if len(queue) == TOKENS // width:
            yield list(queue), width
            queue.clear()


def as_tensors(pairs: list[Pair], width: int) -> Batch:
    """Return padded ids [batch, width], the flat positions that are learned, their targets.

    The last two are padded to a multiple of `CHOSEN`, with `IGNORE` as target.
    """
    ids = torch.zeros(len(pairs), width, dtype=torch.long)
    labels = torch.full((len(pairs), width), IGNORE)
    for row, (tokens, targets) in enumerate(pairs):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, : len(targets)] = torch.tensor(targets)
    where = (labels.flatten() != IGNORE).nonzero()[:, 0]
    targets = labels.flatten()[where]
    missing = -len(where) % CHOSEN
    where = torch.cat((where, torch.zeros(missing, dtype=torch.long)))
    return ids, where, torch.cat((targets, torch.full((missing,), IGNORE)))
