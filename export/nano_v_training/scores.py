"""Held-out accuracy in torch, in float32, with or without the language model rounded to INT4."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nano_training.scores import rounded, shares_right
from nano_training.vocabulary import ChatFormat
from nano_v_training.batches import scenes_of, show
from nano_v_training.data import PictureSample
from nano_v_training.model import NanoV, to_pixels

__all__ = ["accuracy", "rounded_text"]


def accuracy(model: NanoV, form: ChatFormat, samples: Sequence[PictureSample]) -> dict[str, float]:
    """Return, per group, the share of answers that greedy decoding gives exactly."""

    def score(part: list[PictureSample], ids: Tensor, where: Tensor) -> Tensor:
        pictures = show(scenes_of(part), model.shapes.vision).pictures
        vectors = model.look(to_pixels(pictures), torch.float32)
        return model(ids, vectors, where, False, torch.float32)

    return shares_right(score, form, samples)


def rounded_text(model: NanoV) -> NanoV:
    """Return a copy in bfloat16 whose language model's matrices are rounded to INT4."""
    copy = rounded(model)
    copy.text = rounded(model.text, int4=True)
    return copy
