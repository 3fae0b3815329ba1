"""Draws a scene: background, tinted things, noise; and fits it into the tower's square."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nano_v_training.scenes import Scene, Thing
from ovglm.pictures.reading import fitted_size

__all__ = ["PALETTE", "draw", "fit"]

PALETTE = {
    "red": (220, 30, 35),
    "orange": (250, 135, 15),
    "yellow": (245, 225, 35),
    "green": (35, 150, 55),
    "blue": (35, 75, 215),
    "purple": (135, 45, 165),
    "black": (15, 15, 15),
    "white": (250, 250, 250),
}
# Of the pure colours that people draw with.
_PURE = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0),
         "purple": (128, 0, 128), "black": (0, 0, 0), "white": (255, 255, 255),
         "orange": (255, 165, 0)}  # fmt: skip
_LUMINANCE = np.array([0.3, 0.59, 0.11])
# The least difference in brightness; in one channel it is four times as much.
_BRIGHTER = 18.5
Points = list[tuple[float, float]]


def draw(scene: Scene) -> Image.Image:
    """Draw a scene in RGB at its own size; equal scenes give equal pictures."""
    rng = np.random.default_rng(scene.seed)
    tints = [_tint(rng, thing.colour) for thing in scene.things]
    picture = _background(rng, scene, tints)
    longer = max(scene.width, scene.height)
    for thing, tint in zip(scene.things, tints, strict=True):
        turn = float(rng.uniform(-0.22, 0.22))
        if thing.is_digit:
            _draw_digit(picture, thing, longer, tint, turn, rng)
        else:
            _draw_shape(picture, thing, longer, tint, turn)
    return _spoil(picture, rng)


def fit(picture: Image.Image, side: int) -> np.ndarray:
    """Fit a picture into a square of zeros at its top left, aspect kept: uint8 [side, side, 3].

    The steps of `read_picture` for a tower that fits, bicubic.
    """
    size = fitted_size(picture.size, side)
    canvas = np.zeros((side, side, 3), np.uint8)
    canvas[: size[1], : size[0]] = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    return canvas


def _tint(rng: np.random.Generator, colour: str) -> tuple[int, ...]:
    """Vary a colour a little; one time in four it is the pure one."""
    if rng.random() < 0.25:
        return _PURE[colour]
    values = np.array(PALETTE[colour]) * rng.uniform(0.92, 1.05) + rng.uniform(-10, 10, 3)
    return tuple(int(value) for value in values.clip(0, 255))


def _background(
    rng: np.random.Generator, scene: Scene, tints: list[tuple[int, ...]]
) -> Image.Image:
    """Make a ground that every thing stands out from: one pale colour, or one that runs.

    Where many colours leave no such ground, it stands out a little less with each try.
    """
    for tries in itertools.count():
        grey = rng.uniform(95, 245)
        base = np.full(3, 255.0) if rng.random() < 0.25 else grey + rng.uniform(-16, 16, 3)
        other = base + (rng.uniform(-22, 22, 3) if rng.random() < 0.4 else 0)
        ends = [base.clip(0, 255), other.clip(0, 255)]
        least = _BRIGHTER * 0.98**tries
        if all(_apart(end, tint, least) for end in ends for tint in tints):
            break
    rows, columns = np.mgrid[0 : scene.height, 0 : scene.width].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    along = rows * math.sin(angle) + columns * math.cos(angle)
    along = (along - along.min()) / max(float(np.ptp(along)), 1.0)
    pixels = ends[0] + along[..., None] * (ends[1] - ends[0])
    return Image.fromarray(pixels.astype(np.uint8))


def _apart(ground: np.ndarray, tint: tuple[int, ...], least: float) -> bool:
    """Tell whether a thing stands out, in brightness and colour together."""
    step = ground - np.array(tint)
    return bool(np.abs(step).max() >= 4 * least and abs(step @ _LUMINANCE) >= least)


def _draw_shape(
    picture: Image.Image, thing: Thing, longer: int, tint: tuple[int, ...], turn: float
) -> None:
    pen = ImageDraw.Draw(picture)
    x, y, radius = thing.x * longer, thing.y * longer, thing.radius * longer
    if thing.kind == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tint)
        return
    cos, sin = math.cos(turn), math.sin(turn)
    pen.polygon(
        [
            (x + radius * (px * cos - py * sin), y + radius * (px * sin + py * cos))
            for px, py in _outline(thing.kind)
        ],
        fill=tint,
    )


@lru_cache
def _outline(kind: str) -> Points:
    """Return the corners of a shape within the unit circle, y pointing down."""
    return _OUTLINES[kind]()


def _circle_points(count: int, radii: tuple[float, ...] = (1.0,)) -> Points:
    angles = [2 * math.pi * at / count - math.pi / 2 for at in range(count)]
    sizes = [radii[at % len(radii)] for at in range(count)]
    return [(r * math.cos(a), r * math.sin(a)) for a, r in zip(angles, sizes, strict=True)]


def _square() -> Points:
    half = 0.8
    return [(-half, -half), (half, -half), (half, half), (-half, half)]


def _cross() -> Points:
    arm = 0.3
    return [
        (-arm, -1), (arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm),
        (arm, 1), (-arm, 1), (-arm, arm), (-1, arm), (-1, -arm), (-arm, -arm),
    ]  # fmt: skip


def _heart() -> Points:
    """Return the usual heart curve, x = 16 sin^3 t, as 40 corners."""
    points = []
    for step in range(40):
        t = 2 * math.pi * step / 40
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((16 * math.sin(t) ** 3 / 16.5, -(y + 2.5) / 16.5))
    return points


_OUTLINES: dict[str, Callable[[], Points]] = {
    "square": _square,
    "triangle": lambda: _circle_points(3),
    "star": lambda: _circle_points(10, (1.0, 0.42)),
    "cross": _cross,
    "heart": _heart,
}


def _draw_digit(
    picture: Image.Image,
    thing: Thing,
    longer: int,
    tint: tuple[int, ...],
    turn: float,
    rng: np.random.Generator,
) -> None:
    """Draw a digit of Pillow's own font, thin to fat, a little turned."""
    side = max(round(2.2 * thing.radius * longer), 8)
    weight = float(rng.uniform(0.0, 0.055)) * side
    mask = Image.new("L", (side, side))
    font = ImageFont.load_default(1.12 * side - weight)
    middle = side / 2, side / 2
    pen = ImageDraw.Draw(mask)
    pen.text(middle, thing.kind, fill=255, font=font, anchor="mm", stroke_width=weight)
    mask = mask.rotate(math.degrees(turn), Image.Resampling.BILINEAR)
    corner = round(thing.x * longer - side / 2), round(thing.y * longer - side / 2)
    picture.paste(tint, (*corner, corner[0] + side, corner[1] + side), mask)


def _spoil(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Add noise to every second picture, and JPEG's own to every sixth."""
    if rng.random() < 0.5:
        shape = (picture.height, picture.width, 1 if rng.random() < 0.5 else 3)
        noise = rng.standard_normal(shape, np.float32) * np.float32(rng.uniform(1, 9))
        pixels = np.asarray(picture, np.float32) + noise
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.16:
        held = BytesIO()
        picture.save(held, "JPEG", quality=int(rng.integers(60, 95)))
        picture = Image.open(held).convert("RGB")
    return picture
