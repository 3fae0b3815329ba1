"""Questions about a scene with their answers, English and Chinese. Knows no picture.

Each function returns a question and its answer, or None where the scene does not decide it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from nano_training.samples import pick
from nano_v_training.naming import (
    COLOURS,
    EN_NUMBERS,
    EN_PLACES,
    SHAPES,
    ZH_COLOURS,
    ZH_NUMBERS,
    ZH_PLACES,
    ZH_SHAPES,
    Pair,
    article,
    named,
    plural,
)
from nano_v_training.scenes import Scene, Thing, third

__all__ = ["ASKED", "Ask", "Asked", "unseen"]

Asked = tuple[str, str]
Ask = Callable[[random.Random, Scene, bool, Sequence[Pair]], Asked | None]
# Two things lie beside each other where they are this far apart, in parts of the longer side.
_CLEAR = 0.14

WHAT_EN = (
    "What is this?|What do you see?|What is in the picture?|What does the picture show?"
    "|Describe the picture.|What can you see in this image?|What is it?"
)
WHAT_ZH = (
    "这是什么？|你看到了什么？|图片里有什么？|图中是什么？|描述一下这张图片。|图上画的是什么？"
)
SHAPE_EN = "What shape is {}?|Which shape is {}?|What is the shape of {}?|What shape does {} have?"
SHAPE_ZH = "{}是什么形状？|{}的形状是什么？|{}是哪种形状？"
COLOUR_EN = "What color is {}?|Which color is {}?|What is the color of {}?|What colour is {}?"
COLOUR_ZH = "{}是什么颜色？|{}是什么颜色的？|{}的颜色是什么？|{}是哪种颜色？"
COUNT_EN = (
    "How many {} are there?|How many {} do you see?|How many {} are in the picture?|Count the {}."
)
COUNT_ZH = "有几个{}？|图中有多少个{}？|图片里有几个{}？|数一数有几个{}。|一共有多少个{}？"
DIGIT_EN = (
    "Which digit is this?|What digit do you see?|Which number is it?|What number is in the picture?"
    "|Read the digit.|Which digit is shown?"
)
DIGIT_ZH = "这是哪个数字？|这是数字几？|图中的数字是多少？|你看到了哪个数字？|图片里是什么数字？"
WHERE_EN = "Where is {}?|Where in the picture is {}?|In which part of the picture is {}?"
WHERE_ZH = "{}在哪里？|{}在图片的哪个位置？|{}在什么位置？"
ACROSS_EN = "Is {} left or right of {}?|Is {} to the left or to the right of {}?"
ACROSS_ZH = "{}在{}的左边还是右边？|{}在{}左边还是右边？"
UPRIGHT_EN = "Is {} above or below {}?|Is {} higher or lower than {}, above or below?"
UPRIGHT_ZH = "{}在{}的上面还是下面？|{}在{}上面还是下面？"
SIDES_EN = {
    "left": "What is on the left?|What do you see on the left?|What is left of {}?",
    "right": "What is on the right?|What do you see on the right?|What is right of {}?",
    "top": "What is at the top?|What is above {}?",
    "bottom": "What is at the bottom?|What is below {}?",
}
SIDES_ZH = {
    "left": "左边是什么？|左边有什么？|{}的左边是什么？",
    "right": "右边是什么？|右边有什么？|{}的右边是什么？",
    "top": "上面是什么？|上面有什么？|{}的上面是什么？",
    "bottom": "下面是什么？|下面有什么？|{}的下面是什么？",
}
THERE_EN = "Is there {}?|Do you see {}?|Is {} in the picture?|Can you see {}?"
THERE_ZH = "有没有{}？|图中有{}吗？|你看到{}了吗？|图片里有{}吗？"


def what(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask for the only thing, with its colour."""
    if len(scene.things) != 1:
        return None
    return _word(rng, WHAT_ZH if chinese else WHAT_EN), named(scene.things[0].pair, chinese)


def shape(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask for the shape of the only thing, or of the only one of its colour."""
    thing = pick(rng, scene.things)
    if thing.is_digit or len(scene.like(colour=thing.colour)) > 1:
        return None
    if len(scene.things) == 1 and rng.random() < 0.7:
        called = pick(rng, ("这", "它", "图中的图形") if chinese else ("this", "it", "the thing"))
    else:
        called = _by_colour(rng, thing, chinese)
    answer = ZH_SHAPES[thing.kind] if chinese else article(thing.kind)
    return _word(rng, SHAPE_ZH if chinese else SHAPE_EN, called), answer


def colour(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask for the colour of the only thing, or of the only one of its kind."""
    thing = pick(rng, scene.things)
    if len(scene.like(kind=thing.kind)) > 1:
        return None
    if len(scene.things) == 1 and rng.random() < 0.4:
        called = pick(rng, ("这", "它") if chinese else ("this", "it"))
    else:
        called = _by_kind(rng, scene, thing, chinese)
    answer = ZH_COLOURS[thing.colour] if chinese else thing.colour
    return _word(rng, COLOUR_ZH if chinese else COLOUR_EN, called), answer


def count(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask how many there are: of all things, one kind, one colour, or both."""
    if any(thing.is_digit for thing in scene.things):
        return None
    colour, kind = pick(rng, scene.things).pair if rng.random() < 0.9 else pick(rng, known)
    wanted = pick(rng, ("all", "all", "kind", "kind", "kind", "colour", "colour", "both"))
    colour = colour if wanted in ("colour", "both") else None
    kind = kind if wanted in ("kind", "both") and kind in SHAPES else None
    found = len(scene.like(colour, kind))
    if chinese:
        called = ZH_SHAPES[kind] if kind else pick(rng, ("图形", "形状"))
        called = f"{ZH_COLOURS[colour]}{called if kind else '图形'}" if colour else called
        return _word(rng, COUNT_ZH, called), ZH_NUMBERS[found]
    called = plural(kind) if kind else pick(rng, ("shapes", "things"))
    called = f"{colour} {called}" if colour else called
    return _word(rng, COUNT_EN, called), EN_NUMBERS[found]


def digit(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask for the only digit."""
    digits = [thing for thing in scene.things if thing.is_digit]
    if len(digits) != 1:
        return None
    return _word(rng, DIGIT_ZH if chinese else DIGIT_EN), digits[0].kind


def place(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask where in the picture something is."""
    thing = pick(rng, scene.things)
    cell = third(thing, scene)
    called = _refer(rng, scene, thing, chinese)
    if cell is None or called is None:
        return None
    answer = (ZH_PLACES if chinese else EN_PLACES)[cell]
    return _word(rng, WHERE_ZH if chinese else WHERE_EN, called), answer


def side(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask on which side of another thing something is."""
    if len(scene.things) < 2:
        return None
    first, second = rng.sample(scene.things, 2)
    called = _refer(rng, scene, first, chinese), _refer(rng, scene, second, chinese)
    if None in called:
        return None
    if rng.random() < 0.5:
        step, wordings = first.x - second.x, ACROSS_ZH if chinese else ACROSS_EN
        answers = ("左边", "右边") if chinese else ("left", "right")
    else:
        step, wordings = first.y - second.y, UPRIGHT_ZH if chinese else UPRIGHT_EN
        answers = ("上面", "下面") if chinese else ("above", "below")
    if abs(step) < _CLEAR:
        return None
    return _word(rng, wordings, *called), answers[step > 0]


def which(rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]) -> Asked | None:
    """Ask what is on one side of two things."""
    if len(scene.things) != 2:
        return None
    asked, other = rng.sample(scene.things, 2)
    across, upright = asked.x - other.x, asked.y - other.y
    if rng.random() < 0.5:
        where, step = ("left" if across < 0 else "right"), across
    else:
        where, step = ("top" if upright < 0 else "bottom"), upright
    called = _refer(rng, scene, other, chinese)
    if abs(step) < _CLEAR or called is None:
        return None
    return _word(rng, (SIDES_ZH if chinese else SIDES_EN)[where], called), named(
        asked.pair, chinese
    )


def presence(
    rng: random.Random, scene: Scene, chinese: bool, known: Sequence[Pair]
) -> Asked | None:
    """Ask whether something is there; every second time a thing like those that are."""
    colour, kind = pick(rng, scene.things).pair
    if rng.random() < 0.5:
        other = pick(rng, known)
        colour, kind = pick(rng, [(colour, other[1]), (other[0], kind), other])
    if (colour, kind) not in known:
        return None
    wanted = pick(rng, ("kind", "colour", "both", "both"))
    found = scene.like(
        *{"kind": (None, kind), "colour": (colour, None)}.get(wanted, (colour, kind))
    )
    if chinese:
        called = ZH_SHAPES.get(kind, f"数字{kind}")
        called = f"{ZH_COLOURS[colour]}的{called}" if wanted == "both" else called
        called = f"{ZH_COLOURS[colour]}的东西" if wanted == "colour" else called
        return _word(rng, THERE_ZH, called), "有" if found else "没有"
    called = article(f"{colour} {kind}") if wanted == "both" else article(kind)
    called = f"something {colour}" if wanted == "colour" else called
    return _word(rng, THERE_EN, called), "yes" if found else "no"


ASKED: dict[str, Ask] = {
    "what": what,
    "shape": shape,
    "color": colour,
    "count": count,
    "digit": digit,
    "place": place,
    "side": side,
    "which": which,
    "presence": presence,
}


def unseen(rng: random.Random, chinese: bool) -> Asked:
    """Ask about a picture where there is none."""
    kind, tint = pick(rng, SHAPES), pick(rng, COLOURS)
    if chinese:
        called = f"{ZH_COLOURS[tint]}的图形"
        choices = [
            (WHAT_ZH, ""), (SHAPE_ZH, called), (COLOUR_ZH, ZH_SHAPES[kind]),
            (COUNT_ZH, ZH_SHAPES[kind]), (DIGIT_ZH, ""), (WHERE_ZH, ZH_SHAPES[kind]),
        ]  # fmt: skip
    else:
        called = f"the {kind}"
        choices = [
            (WHAT_EN, ""), (SHAPE_EN, f"the {tint} shape"), (COLOUR_EN, called),
            (COUNT_EN, plural(kind)), (DIGIT_EN, ""), (WHERE_EN, called),
        ]  # fmt: skip
    wordings, called = pick(rng, choices)
    return _word(rng, wordings, called), "我没有看到图片。" if chinese else "I see no picture."


def _word(rng: random.Random, wordings: str, *called: str | None) -> str:
    """Choose a wording and fill it in; some in lower case or without the mark at the end."""
    text = pick(rng, wordings.split("|")).format(*called)
    text = text.lower() if rng.random() < 0.12 else text
    return text[:-1] if rng.random() < 0.12 else text


def _by_colour(rng: random.Random, thing: Thing, chinese: bool) -> str:
    if chinese:
        return f"{ZH_COLOURS[thing.colour]}的{pick(rng, ('图形', '东西'))}"
    return f"the {thing.colour} {pick(rng, ('shape', 'thing'))}"


def _by_kind(rng: random.Random, scene: Scene, thing: Thing, chinese: bool) -> str:
    """Name a thing by its kind; a digit that is the only one also as such."""
    if thing.is_digit:
        if sum(one.is_digit for one in scene.things) == 1 and rng.random() < 0.5:
            return "数字" if chinese else pick(rng, ("the digit", "the number"))
        return f"数字{thing.kind}" if chinese else f"the {thing.kind}"
    return ZH_SHAPES[thing.kind] if chinese else f"the {thing.kind}"


def _refer(rng: random.Random, scene: Scene, thing: Thing, chinese: bool) -> str | None:
    """Name a thing so that no other is meant; None where two look the same."""
    ways = []
    if len(scene.like(kind=thing.kind)) == 1:
        ways += [_by_kind(rng, scene, thing, chinese)] * 2
    if len(scene.like(*thing.pair)) == 1:
        whole = f"{ZH_COLOURS[thing.colour]}的{ZH_SHAPES.get(thing.kind, thing.kind)}"
        ways.append(whole if chinese else f"the {thing.colour} {thing.kind}")
    if len(scene.like(colour=thing.colour)) == 1 and not thing.is_digit:
        ways.append(_by_colour(rng, thing, chinese))
    return pick(rng, ways) if ways else None
