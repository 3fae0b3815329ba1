"""What a made picture shows: things, each with a look, a place and a size. Draws nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from nano_training.samples import is_held_out, pick
from nano_v_training.naming import COLOURS, DIGITS, KINDS, SHAPES, Pair

__all__ = [
    "HELD_OUT_PAIRS", "TRAINED_PAIRS", "Scene", "Thing", "make_scene", "pairs_alike", "third",
]  # fmt: skip

TRAINED_PAIRS = tuple(
    (colour, kind)
    for kind in KINDS
    for colour in COLOURS
    if not is_held_out(f"shown:{colour} {kind}")
)
HELD_OUT_PAIRS = tuple(
    (colour, kind) for kind in KINDS for colour in COLOURS if (colour, kind) not in TRAINED_PAIRS
)
# Lengths and places are parts of a picture's longer side.
_SPACE = 0.02
_NARROWEST = 2.2
_MANY = 3


@dataclass(frozen=True)
class Thing:
    """One shape or digit; x, y: its middle, radius: half its size, in parts of the longer side."""

    pair: Pair
    x: float
    y: float
    radius: float

    @property
    def colour(self) -> str:
        return self.pair[0]

    @property
    def kind(self) -> str:
        return self.pair[1]

    @property
    def is_digit(self) -> bool:
        return self.kind in DIGITS


@dataclass(frozen=True)
class Scene:
    """A picture of width x height pixels; seed: of background, tints and noise."""

    width: int
    height: int
    things: tuple[Thing, ...]
    seed: int

    @property
    def extent(self) -> tuple[float, float]:
        """Return width and height in parts of the longer side."""
        longer = max(self.width, self.height)
        return self.width / longer, self.height / longer

    def like(self, colour: str | None = None, kind: str | None = None) -> list[Thing]:
        """List the things of that colour and kind; None means any."""
        return [
            thing
            for thing in self.things
            if colour in (None, thing.colour) and kind in (None, thing.kind)
        ]


def make_scene(rng: random.Random, pairs: Sequence[Pair], count: int, kinds: int) -> Scene:
    """Put `count` things of at most `kinds` different looks into a picture, none over another."""
    chosen = rng.sample(pairs, min(kinds, len(pairs), count))
    looks = chosen + [pick(rng, chosen) for _ in range(count - len(chosen))]
    rng.shuffle(looks)
    while True:
        width, height = _size(rng, count)
        extent = width / max(width, height), height / max(width, height)
        if things := _place(rng, looks, extent):
            return Scene(width, height, things, rng.randrange(2**32))


def pairs_alike(rng: random.Random, pairs: Sequence[Pair]) -> list[Pair]:
    """Choose pairs of shapes that share a kind or a colour, so that counts need a look at both."""
    shapes = [pair for pair in pairs if pair[1] in SHAPES]
    share = rng.random()
    if share < 0.35:
        kind = pick(rng, shapes)[1]
        return [pair for pair in shapes if pair[1] == kind]
    if share < 0.6:
        colour = pick(rng, shapes)[0]
        return [pair for pair in shapes if pair[0] == colour]
    return shapes


def third(thing: Thing, scene: Scene, clear: float = 0.055) -> int | None:
    """Return the third of the picture that a thing is in, row by row; None near their borders.

    clear: the least distance from a border, as a part of the picture's side.
    """
    cell = 0
    for place, side in ((thing.y, scene.extent[1]), (thing.x, scene.extent[0])):
        part = place / side * 3
        if min(abs(part - 1), abs(part - 2)) < 3 * clear:
            return None
        cell = 3 * cell + min(int(part), 2)
    return cell


def _size(rng: random.Random, count: int) -> tuple[int, int]:
    """Choose width and height in pixels; more things get a squarer picture."""
    longer = math.exp(rng.uniform(math.log(84), math.log(336)))
    narrowest = _NARROWEST if count <= _MANY else 1.5
    ratio = 1.0 if rng.random() < 0.3 else rng.uniform(1, narrowest)
    long, short = round(longer), round(longer / ratio)
    return (long, short) if rng.random() < 0.5 else (short, long)


def _place(
    rng: random.Random, looks: Sequence[Pair], extent: tuple[float, float]
) -> tuple[Thing, ...]:
    """Find places that do not overlap; nothing where that does not succeed."""
    shorter = min(extent)
    most = {1: min(0.4, 0.46 * shorter), 2: 0.17, 3: 0.15}.get(len(looks), 0.125)
    things: list[Thing] = []
    for look in looks:
        least = 0.115 if look[1] in DIGITS else 0.09
        for _ in range(40):
            radius = rng.uniform(least, max(most, least))
            edge = radius + _SPACE
            if 2 * edge > shorter:
                continue
            x, y = (rng.uniform(edge, side - edge) for side in extent)
            if all(math.hypot(x - o.x, y - o.y) > radius + o.radius + 0.03 for o in things):
                things.append(Thing(look, x, y, radius))
                break
        else:
            return ()
    return tuple(things)
