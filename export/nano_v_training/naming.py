"""How things, colours, numbers and places are called, English and Chinese."""

from __future__ import annotations

__all__ = [
    "COLOURS", "DIGITS", "EN_NUMBERS", "EN_PLACES", "KINDS", "SHAPES", "ZH_COLOURS", "ZH_NUMBERS",
    "ZH_PLACES", "ZH_SHAPES", "Pair", "article", "named", "plural",
]  # fmt: skip

Pair = tuple[str, str]  # a colour and a kind: what one thing looks like

SHAPES = ("circle", "square", "triangle", "star", "cross", "heart")
DIGITS = tuple("0123456789")
KINDS = SHAPES + DIGITS
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "black", "white")
ZH_SHAPES: dict[str, str] = dict(
    zip(SHAPES, "圆形 正方形 三角形 星形 十字形 心形".split(), strict=True)
)
ZH_COLOURS: dict[str, str] = dict(
    zip(COLOURS, "红色 橙色 黄色 绿色 蓝色 紫色 黑色 白色".split(), strict=True)
)
EN_NUMBERS = "zero one two three four five six".split()
ZH_NUMBERS = "零个 一个 两个 三个 四个 五个 六个".split()
# The thirds of a picture, row by row.
EN_PLACES = (
    "top left", "top", "top right", "left", "center", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip
ZH_PLACES = "左上角 上方 右上角 左边 中间 右边 左下角 下方 右下角".split()


def article(phrase: str) -> str:
    """Put `a` or `an` before an English phrase."""
    return f"{'an' if phrase[0] in 'aeo8' else 'a'} {phrase}"


def named(pair: Pair, chinese: bool) -> str:
    """Name a thing whole, as an answer does: `a red circle`, `一个红色的圆形`."""
    colour, kind = pair
    if chinese:
        return f"一个{ZH_COLOURS[colour]}的{ZH_SHAPES.get(kind, kind)}"
    return article(f"{colour} {kind}")


def plural(kind: str) -> str:
    """Return the plural of a shape's English name."""
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"
