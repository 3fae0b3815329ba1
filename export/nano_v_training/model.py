"""The whole network: nano's language model, which reads a picture's vectors among its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nano_training.model import Nano, Shape
from nano_v_training.labels import CELL_CLASSES, UNKNOWN
from nano_v_training.tower import Adapter, Tower, VisionShape

__all__ = ["CellReader", "NanoV", "Shapes", "to_pixels"]

# What the preprocessor config says, for all channels.
MEAN = STD = 0.5


@dataclass(frozen=True)
class Shapes:
    """The numbers of config.json: of the language model and of the tower."""

    text: Shape = field(default_factory=Shape)
    vision: VisionShape = field(default_factory=VisionShape)


class NanoV(nn.Module):
    """Tower, adapter and language model."""

    def __init__(self, shapes: Shapes, begin_id: int) -> None:
        super().__init__()
        self.shapes, self.begin_id = shapes, begin_id
        self.text = Nano(shapes.text)
        self.tower = Tower(shapes.vision)
        self.adapter = Adapter(shapes.vision, shapes.text.hidden)

    def look(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the vectors [batch, vectors, hidden] of pixels [batch, 3, side, side]."""
        if not len(pixels):
            return torch.zeros(0, self.shapes.vision.vectors, self.shapes.text.hidden)
        return self.adapter(self.tower(pixels, dtype), dtype)

    @torch.no_grad()
    def level(self, pixels: Tensor, size: float) -> None:
        """Scale the adapter's last matrix so that the inner vectors are as large as `size`.

        size: root of the mean square; a token's vector has about 0.14.
        """
        inner = self.look(pixels, torch.float32)[:, 1:-1]
        self.adapter.linear.dense_4h_to_h.weight.mul_(size / inner.square().mean().sqrt())

    def forward(
        self, ids: Tensor, vectors: Tensor, where: Tensor, quantised: bool, dtype: torch.dtype
    ) -> Tensor:
        """Return float32 logits at the flat positions `where` of ids [batch, time].

        vectors: of the pictures in the order of their rows; the n-th stands for the n-th begin_id.
        """
        holds = (ids == self.begin_id)[..., None]
        x = self.text.embed_tokens(ids).masked_scatter(holds, vectors.to(torch.float32))
        return self.text.score(self.text.decode(x, quantised, dtype), where, dtype)


class CellReader(nn.Module):
    """Reads from each inner vector what its cell holds; teaches the tower and is not shipped."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classes = nn.ModuleList(nn.Linear(width, count) for count in CELL_CLASSES)
        self.places = nn.Linear(width, 2)

    def loss(self, vectors: Tensor, classes: Tensor, places: Tensor) -> Tensor:
        """Return the mean loss: vectors of pictures against `label_cells` of their scenes."""
        inner = vectors[:, 1:-1].flatten(0, 1)
        total = vectors.new_zeros(())
        for at, head in enumerate(self.classes):
            found, wanted = head(inner), classes[..., at].flatten()
            if (wanted != UNKNOWN).any():
                # Most cells are empty: those that hold something weigh more.
                weight = torch.ones(found.shape[-1])
                weight[0] = 1.0 if at == 2 else 0.2
                total = total + F.cross_entropy(found, wanted, weight, ignore_index=UNKNOWN)
        wanted = places.flatten(0, 1)
        known = ~wanted[:, 0].isnan()
        if known.any():
            total = total + F.mse_loss(self.places(inner[known]), wanted[known])
        return total

    @torch.no_grad()
    def shares_right(self, vectors: Tensor, classes: Tensor) -> dict[str, float]:
        """Return the share of right kinds, colours and thirds, over cells that hold a thing."""
        inner = vectors[:, 1:-1].flatten(0, 1)
        wanted = classes.flatten(0, 1)
        shares = {}
        for at, name in enumerate(("kind", "color", "third")):
            asked = wanted[:, at] > 0 if at < 2 else wanted[:, at] >= 0
            found = self.classes[at](inner[asked]).argmax(-1)
            shares[name] = float((found == wanted[asked, at]).float().mean())
        return shares


def to_pixels(pictures: Tensor) -> Tensor:
    """Normalise uint8 [batch, side, side, 3] to float32 [batch, 3, side, side]."""
    return (pictures.permute(0, 3, 1, 2).float() / 255 - MEAN) / STD
