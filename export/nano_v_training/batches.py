"""Draws the pictures of samples and puts all that a step needs into tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nano_training.batches import as_tensors, group_by_width
from nano_training.vocabulary import ChatFormat
from nano_v_training.data import PictureSample
from nano_v_training.drawing import draw, fit
from nano_v_training.labels import label_cells
from nano_v_training.scenes import Scene
from nano_v_training.tower import VisionShape

__all__ = ["Batch", "Shown", "make_batches", "scenes_of", "show"]


@dataclass(frozen=True)
class Shown:
    """Drawn scenes: pictures uint8 [batch, side, side, 3] and the labels of their cells."""

    pictures: Tensor
    classes: Tensor
    places: Tensor


@dataclass(frozen=True)
class Batch:
    """ids [batch, width], the flat positions that are learned, their targets, the pictures."""

    ids: Tensor
    where: Tensor
    targets: Tensor
    shown: Shown


def scenes_of(samples: Iterable[PictureSample]) -> list[Scene]:
    """List the scenes, in the order of their samples."""
    return [sample.scene for sample in samples if sample.scene]


def show(scenes: Sequence[Scene], shape: VisionShape) -> Shown:
    """Draw scenes as the tower sees them."""
    side, cells = shape.side, shape.cells
    pictures = np.empty((len(scenes), side, side, 3), np.uint8)
    classes = np.empty((len(scenes), cells * cells, 3), np.int64)
    places = np.empty((len(scenes), cells * cells, 2), np.float32)
    for at, scene in enumerate(scenes):
        pictures[at] = fit(draw(scene), side)
        classes[at], places[at] = label_cells(scene, cells)
    return Shown(*(torch.from_numpy(one) for one in (pictures, classes, places)))


def make_batches(
    form: ChatFormat, samples: Iterable[PictureSample], shape: VisionShape
) -> Iterator[Batch]:
    """Yield batches of about equal work."""
    for group, width in group_by_width(form, samples):
        ids, where, targets = as_tensors([pair for pair, _ in group], width)
        shown = show(scenes_of(sample for _, sample in group), shape)
        yield Batch(ids, where, targets, shown)
