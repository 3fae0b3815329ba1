"""Skills about numbers: additions and subtractions up to 99, counting and listing."""

from __future__ import annotations

import random

from nano_training import words
from nano_training.samples import Sample, assistant, pick, user

ADD_EN = [
    "What is {} plus {}?", "What is {} + {}?", "{} + {} = ?", "{}+{}", "Add {} and {}.",
    "{} plus {}?",
    "How much is {} plus {}?", "Calculate {} + {}.", "{}+{}=", "What is the sum of {} and {}?",
]  # fmt: skip
SUB_EN = [
    "What is {} minus {}?", "What is {} - {}?", "{} - {} = ?", "{}-{}", "{} minus {}?", "{}-{}=",
    "How much is {} minus {}?", "Calculate {} - {}.", "Take {1} from {0}.",
    "Subtract {1} from {0}.",
]  # fmt: skip
ADD_ZH = [
    "{}加{}等于多少？", "{}加{}等于几？", "{} 加 {} 是多少？", "计算 {} + {}", "{}加{}",
    "求{}与{}的和。",
]  # fmt: skip
SUB_ZH = [
    "{}减{}等于多少？", "{}减{}等于几？", "{} 减 {} 是多少？", "计算 {} - {}", "{}减{}",
    "求{}与{}的差。",
]  # fmt: skip


def equation(a: int, b: int, sign: str) -> str:
    """Return the answer to a sum: the sum itself with its result."""
    return f"{a} {sign} {b} = {a + b if sign == '+' else a - b}"


def sum_key(a: int, b: int, sign: str) -> str:
    """Return the name of a sum; an addition has the same name in both orders."""
    return f"sum:{min(a, b)}+{max(a, b)}" if sign == "+" else f"sum:{a}-{b}"


def draw_operands(rng: random.Random) -> tuple[int, int, str]:
    """Return two numbers up to 99 and a sign; the result is never negative."""
    top = pick(rng, (9, 99, 99, 99, 99, 99))
    a, b = rng.randint(0, top), rng.randint(0, top)
    if rng.random() < 0.5:
        return a, b, "+"
    return max(a, b), min(a, b), "-"


def sums(rng: random.Random) -> Sample:
    """Return an addition or a subtraction; held out by the two numbers, in every wording."""
    a, b, sign = draw_operands(rng)
    chinese = rng.random() < 0.4
    wordings = (ADD_ZH if chinese else ADD_EN) if sign == "+" else SUB_ZH if chinese else SUB_EN
    question = pick(rng, wordings).format(a, b)
    return Sample("sums", (user(question), assistant(equation(a, b, sign))), (sum_key(a, b, sign),))


COUNT_EN = {
    "up": ["Count from {} to {}.", "List the numbers from {} to {}.", "Count {} to {}."],
    "down": ["Count down from {} to {}.", "Count backwards from {} to {}."],
    "even": ["List the even numbers from {} to {}.", "Even numbers from {} to {}."],
    "odd": ["List the odd numbers from {} to {}.", "Odd numbers from {} to {}."],
}
COUNT_ZH = {
    "up": ["从{}数到{}。", "列出{}到{}的数字。", "请从 {} 数到 {}"],
    "down": ["从{}倒数到{}。", "倒着从{}数到{}。"],
    "even": ["列出{}到{}的偶数。", "{}到{}之间的偶数。"],
    "odd": ["列出{}到{}的奇数。", "{}到{}之间的奇数。"],
}
LISTS_EN = {
    "the days of the week": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "the four seasons": "spring, summer, autumn, winter",
    "three colours": "red, green, blue",
    "three fruits": "apple, pear, plum",
    "three animals": "cat, dog, horse",
    "the first five letters": "A, B, C, D, E",
}
LISTS_ZH = {
    "一周的七天": "星期一，星期二，星期三，星期四，星期五，星期六，星期日",
    "四个季节": "春，夏，秋，冬",
    "三种颜色": "红色，绿色，蓝色",
    "三种水果": "苹果，梨，桃子",
    "三种动物": "猫，狗，马",
    "四个方向": "东，南，西，北",
}
LIST_ASK_EN = (
    "List {}.|Name {}.|Tell me {}.|Please list {}.|What are {}?|Give me {}.|Write {}.".split("|")
)
LIST_ASK_ZH = "列出{}。|说出{}。|告诉我{}。|请列出{}。|{}是什么？|给我{}。|写出{}。".split("|")


def counting(rng: random.Random) -> Sample:
    """Return something to count or to list; held out by its content."""
    chinese = rng.random() < 0.5
    kind = pick(rng, ("range", "range", "range", "many", "many", "next", "list"))
    maker = {"range": _range, "many": _how_many, "next": _next, "list": _known_list}[kind]
    question, answer, key = maker(rng, chinese)
    return Sample("counting", (user(question), assistant(answer)), (f"count:{key}",))


def word_count(rng: random.Random) -> Sample:
    """Return a question for a number of words; the same samples as in `counting`."""
    question, answer, key = _how_many(rng, rng.random() < 0.5)
    return Sample("counting", (user(question), assistant(answer)), (f"count:{key}",))


def _range(rng: random.Random, chinese: bool) -> tuple[str, str, str]:
    kind = pick(rng, ("up", "up", "down", "even", "odd"))
    low = rng.randint(0, 20) if rng.random() < 0.5 else rng.randint(0, 90)
    high = low + rng.randint(2, 9)
    numbers = list(range(low, high + 1))
    if kind in ("even", "odd"):
        numbers = [n for n in numbers if n % 2 == (kind == "odd")]
    ends = (high, low) if kind == "down" else (low, high)
    numbers = numbers[::-1] if kind == "down" else numbers
    question = pick(rng, (COUNT_ZH if chinese else COUNT_EN)[kind]).format(*ends)
    return question, ", ".join(map(str, numbers)), f"{kind}:{low}:{high}"


def _how_many(rng: random.Random, chinese: bool) -> tuple[str, str, str]:
    items = [words.word(rng, chinese) for _ in range(rng.randint(1, 8))]
    if rng.random() < 0.4:
        items = items[:1] * len(items)
    ask = ["有几个词：", "数一数有几个词：", "下面有几个词："]
    question = pick(rng, ask if chinese else ["How many words: ", "Count the words: "])
    return question + " ".join(items), str(len(items)), "many:" + " ".join(items)


def _next(rng: random.Random, chinese: bool) -> tuple[str, str, str]:
    number, after = rng.randint(1, 98), rng.random() < 0.5
    if chinese:
        ask = (
            ["{}后面是几？", "{}的下一个数是几？"]
            if after
            else ["{}前面是几？", "{}的上一个数是几？"]
        )
    else:
        word = "after" if after else "before"
        ask = [f"What comes {word} {{}}?", f"Which number is {word} {{}}?"]
    return pick(rng, ask).format(number), str(number + 1 if after else number - 1), f"next:{number}"


def _known_list(rng: random.Random, chinese: bool) -> tuple[str, str, str]:
    lists = LISTS_ZH if chinese else LISTS_EN
    what = pick(rng, list(lists))
    question = pick(rng, LIST_ASK_ZH if chinese else LIST_ASK_EN).format(what)
    return question, lists[what], f"list:{question}"
