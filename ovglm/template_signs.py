"""Hides the signs of control tokens in what a template is given, so that only it can write them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ovglm.errors import OvglmError
from ovglm.tokens import Tokenizer

__all__ = ["PRIVATE_USE", "Disguise", "disguise"]

PRIVATE_USE = range(0xE000, 0xF900)


@dataclass(frozen=True)
class Disguise:
    """What is given to a template, without the signs of control tokens.

    restore: a `str.translate` table that puts the signs back. spare: one more private character
    that occurs nowhere.
    """

    given: dict[str, Any]
    restore: Mapping[int, str]
    spare: str


def disguise(
    given: Mapping[str, Any], source: str, literals: frozenset[str], tokenizer: Tokenizer
) -> Disguise:
    """Swap the signs in all texts of `given` for private characters that occur nowhere else.

    Each control token needs a sign (`<`, `[`). source: the template's; literals: the texts that it
    looks for in a message, which it must see. Raises OvglmError where no character is left.
    """
    seen = set(source).union(*_strings(given))
    spare = (chr(code) for code in PRIVATE_USE if chr(code) not in seen)
    signs = sorted(tokenizer.control_marks)
    marks = dict(zip(signs, spare, strict=False))
    left = next(spare, None)
    if left is None:
        raise OvglmError("The messages use up all private-use characters of Unicode")
    swapped = _signs_to_swap(literals, tokenizer)

    def swap(match: re.Match[str]) -> str:
        return marks.get(match.group(), match.group())

    hidden = {
        name: _map_strings(value, partial(swapped.sub, swap)) for name, value in given.items()
    }
    return Disguise(hidden, {ord(private): mark for mark, private in marks.items()}, left)


def _signs_to_swap(literals: frozenset[str], tokenizer: Tokenizer) -> re.Pattern[str]:
    """Match each sign, and texts such as `</think>` that the template looks for in a message.

    Such a text is stepped over, so that the template sees it, unless it is near a control token.
    """
    marks = "".join(map(re.escape, sorted(tokenizer.control_marks)))
    if not marks:
        return re.compile(r"(?!)")
    kept = [
        re.escape(literal)
        for literal in sorted(literals, key=lambda literal: (-len(literal), literal))
        if not tokenizer.control_marks.isdisjoint(literal)
        and not any(_overlap(literal, token) for token in tokenizer.controls)
    ]
    return re.compile("|".join([*kept, f"[{marks}]"]))


def _overlap(literal: str, token: str) -> bool:
    """Tell whether `token` could be found in, or begin or end inside, `literal`."""
    if token in literal or literal in token:
        return True
    lengths = range(1, min(len(literal), len(token)))
    return any(literal.endswith(token[:n]) or literal.startswith(token[-n:]) for n in lengths)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _map_strings(value: object, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {
            _map_strings(key, change): _map_strings(item, change) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_map_strings(item, change) for item in value]
    return value
