"""Held-out accuracy of a model in torch, in float32, with or without rounding to INT4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from nano_training.batches import as_tensors
from nano_training.model import Linear, Nano, fake_int4
from nano_training.samples import Sample
from nano_training.vocabulary import IGNORE, ChatFormat

AnySample = TypeVar("AnySample", bound=Sample)
AnyModule = TypeVar("AnyModule", bound=nn.Module)


def accuracy(model: Nano, form: ChatFormat, samples: Sequence[Sample]) -> dict[str, float]:
    """Return, per group, the share of answers that greedy decoding gives exactly."""
    return shares_right(
        lambda _, ids, where: model(ids, where, False, torch.float32), form, samples
    )


@torch.no_grad()
def shares_right(
    score: Callable[[list[AnySample], Tensor, Tensor], Tensor],
    form: ChatFormat,
    samples: Sequence[AnySample],
) -> dict[str, float]:
    """Return, per group, the share of right answers; score: logits of samples, ids and places.

    Greedy decoding gives the expected tokens if and only if each is the likeliest after the
    expected ones before it, so one pass over prompt and answer decides.
    """
    right: dict[str, list[bool]] = {}
    pairs = [(form.training_ids(sample), sample) for sample in samples]
    pairs.sort(key=lambda pair: len(pair[0][0]))
    for start in range(0, len(pairs), 32):
        part = pairs[start : start + 32]
        answers = []
        for (ids, labels), sample in part:
            asked = len(form.prompt_ids(sample)) - 1
            answers.append((ids, [IGNORE] * asked + labels[asked:]))
        ids, where, targets = as_tensors(answers, max(len(ids) for ids, _ in answers))
        logits = score([sample for _, sample in part], ids, where)
        wrong = (logits.argmax(-1) != targets) & (targets != IGNORE)
        failed = set((where[wrong] // ids.shape[1]).tolist())
        for row, (_, sample) in enumerate(part):
            right.setdefault(sample.group, []).append(row not in failed)
    return {group: sum(marks) / len(marks) for group, marks in sorted(right.items())}


def rounded(model: AnyModule, int4: bool = False) -> AnyModule:
    """Return a copy with weights rounded to bfloat16, its matrices to INT4 if asked."""
    copy = deepcopy(model)
    copy.load_state_dict({k: v.bfloat16().float() for k, v in model.state_dict().items()})
    if int4:
        for part in copy.modules():
            if isinstance(part, Linear):
                part.weight.data = fake_int4(part.weight.data)
    return copy


def show(title: str, marks: dict[str, float]) -> None:
    """Print the accuracies of one evaluation on one line, in percent."""
    mean = sum(marks.values()) / len(marks)
    parts = "  ".join(f"{group} {100 * mark:.0f}" for group, mark in marks.items())
    print(f"{title}  mean {100 * mean:.1f}  {parts}", flush=True)
