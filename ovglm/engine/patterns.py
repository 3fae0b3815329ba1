"""Regular expressions as trees: those that a grammar can hold a text to. Knows no grammar.

There is no lookaround, word boundary, back reference, flag or possessive repetition, and anchors
stand at the two ends only: what a grammar could not say is refused before a request is under way.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ovglm.errors import RequestError

__all__ = [
    "Chars",
    "Choice",
    "Node",
    "Pattern",
    "Ranges",
    "Row",
    "Times",
    "class_count",
    "length_of",
    "read_pattern",
    "without",
]

# Code points from and to, both included.
Ranges = tuple[tuple[int, int], ...]

_ESCAPE = r"\\(?:[dDwWsSnrtfv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^a-zA-Z0-9])"
_CLASS = rf"\[\^?(?:{_ESCAPE}|[^\]\[\\])+\]"
_TOKEN = re.compile(
    rf"(?P<one>{_ESCAPE}|{_CLASS}|[^\\\[\](){{}}*+?|^$])"
    r"|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<or>\|)"
    r"|(?P<times>(?:[*+?]|\{[0-9]{1,4}(?:,(?:[0-9]{1,4})?)?\})\??)"
)
_MEMBER = re.compile(rf"{_ESCAPE}|.", re.DOTALL)
# Of these a later Python may make sets within sets.
_DOUBLED = ("--", "&&", "~~", "||")
# Behind these something begins, so that neither an end nor a repetition may follow.
_BEGINNINGS = (None, "open", "or")
_PRINTABLE: Ranges = ((0x20, 0x7E),)
_KINDS: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
}
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B}
# Line ends, in JavaScript's reading of the dot, which is the narrower one.
_NO_DOT: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))


@dataclass(frozen=True)
class Chars:
    """One character: of some ranges, or with `is_negated` any other."""

    ranges: Ranges
    is_negated: bool = False


@dataclass(frozen=True)
class Row:
    """One after another."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Choice:
    """Any one of them."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Times:
    """`low` to `high` times the same; None is without a limit."""

    part: "Node"
    low: int
    high: int | None


Node = Chars | Row | Choice | Times


@dataclass(frozen=True)
class Pattern:
    """A whole expression; is_begun, is_ended: whether a text begins and ends with it.

    A class allows no character which JavaScript's or Python's reading of it forbids, and in the
    few cases where the two differ (\\D, \\W, \\S, and \\d, \\w, \\s in a negated class) ASCII only.
    """

    node: Node
    is_begun: bool
    is_ended: bool

    @property
    def is_whole(self) -> bool:
        """Whether a text has nothing beside it."""
        return self.is_begun and self.is_ended


def read_pattern(pattern: object) -> Pattern:
    """Read an expression; raise RequestError for what is none, or cannot be enforced."""
    if not isinstance(pattern, str):
        raise RequestError(f"the keyword 'pattern' is {pattern!r:.40} and not a text")
    place, end = int(pattern.startswith("^")), len(pattern)
    is_ended = pattern.endswith("$") and not pattern.endswith("\\$")
    tokens = list(_split(pattern, place, end - is_ended))
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RequestError(f"the keyword 'pattern' is {pattern!r:.80}: {error}") from error
    node, _ = _read_choice(tokens, 0)
    return Pattern(node, bool(place), is_ended)


def length_of(node: Node) -> tuple[int, int | None]:
    """Give the fewest and the most characters of a match; None is without a limit."""
    match node:
        case Chars():
            return 1, 1
        case Times(part, low, high):
            fewest, most = length_of(part)
            if most == 0 or high == 0:
                return 0, 0
            return fewest * low, None if most is None or high is None else most * high
        case Choice(parts):
            lengths = [length_of(part) for part in parts]
            return min(low for low, _ in lengths), _unless_endless(max, lengths)
        case Row(parts):
            lengths = [length_of(part) for part in parts]
            return sum(low for low, _ in lengths), _unless_endless(sum, lengths)


def class_count(node: Node) -> int:
    """Count the classes, of which each has to be compared with the whole vocabulary."""
    match node:
        case Chars(ranges, is_negated):
            return int(is_negated or any(low < high for low, high in ranges) or len(ranges) > 1)
        case Times(part, _, _):
            return class_count(part)
        case Choice(parts) | Row(parts):
            return sum(map(class_count, parts))


def _unless_endless(
    join: Callable[[Iterable[int]], int], lengths: Sequence[tuple[int, int | None]]
) -> int | None:
    longest = [most for _, most in lengths]
    return None if None in longest else join(one for one in longest if one is not None)


def _split(pattern: str, place: int, end: int) -> Iterator[tuple[str, str]]:
    """Give the tokens between two places, each with its kind."""
    before = None
    while place < end:
        token = _TOKEN.match(pattern, place, end)
        kind = token.lastgroup if token else None
        is_empty = before in _BEGINNINGS and kind in ("close", "or", "times")
        if token is None or kind is None or is_empty or (before == "times" and kind == "times"):
            raise _unsupported(pattern, place)
        if kind == "one" and _is_unclear(token[0]):
            raise _unsupported(pattern, place)
        yield kind, token[0]
        place, before = token.end(), kind
    if before == "or":
        raise _unsupported(pattern, place)


def _is_unclear(one: str) -> bool:
    """Say whether it is a set that may come to mean another, or half a surrogate pair."""
    is_doubled = one[0] == "[" and any(two in one for two in _DOUBLED)
    return is_doubled or any(
        0xD800 <= int(code, 16) <= 0xDFFF for code in re.findall(r"\\u([0-9a-fA-F]{4})", one)
    )


def _read_choice(tokens: Sequence[tuple[str, str]], place: int) -> tuple[Node, int]:
    """Read up to the end of the group; the tokens are known to be balanced."""
    rows: list[list[Node]] = [[]]
    while place < len(tokens) and tokens[place][0] != "close":
        kind, text = tokens[place]
        if kind == "or":
            rows.append([])
        elif kind == "times":
            rows[-1].append(_repeat(rows[-1].pop(), text))
        elif kind == "open":
            group, place = _read_choice(tokens, place + 1)
            rows[-1].append(group)
        else:
            rows[-1].append(_read_one(text))
        place += 1
    parts = tuple(row[0] if len(row) == 1 else Row(tuple(row)) for row in rows)
    return parts[0] if len(parts) == 1 else Choice(parts), place


def _repeat(part: Node, times: str) -> Times:
    """Repeat; where as little as possible is wanted, that changes no text as a whole."""
    times = times[0] if times[0] in "*+?" else times.removesuffix("?")
    if times in ("*", "+", "?"):
        return Times(part, int(times == "+"), 1 if times == "?" else None)
    low, comma, high = times[1:-1].partition(",")
    return Times(part, int(low), int(high) if high else None if comma else int(low))


def _read_one(text: str) -> Chars:
    if text == ".":
        return Chars(_NO_DOT, is_negated=True)
    if text[0] != "[":
        return Chars(_ranges_of(text))
    is_negated = text.startswith("[^")
    members = _MEMBER.findall(text[2 if is_negated else 1 : -1])
    ranges = tuple(_join_members(members))
    if is_negated and any(one[0] == "\\" and one[1] in "dDwWsS" for one in members):
        return Chars(without(_PRINTABLE, ranges))
    return Chars(ranges, is_negated)


def _join_members(members: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Give the ranges of a class; a dash between two characters makes them one."""
    place = 0
    while place < len(members):
        first = _ranges_of(members[place])
        if members[place + 1 : place + 2] == ["-"] and place + 2 < len(members):
            yield first[0][0], _ranges_of(members[place + 2])[-1][1]
            place += 3
        else:
            yield from first
            place += 1


def _ranges_of(text: str) -> Ranges:
    """Give what a character or an escape stands for."""
    if text[0] != "\\":
        return ((ord(text), ord(text)),)
    kind = text[1]
    if kind in "DWS":
        return without(_PRINTABLE, _KINDS[kind.lower()])
    if kind in "dws":
        return _KINDS[kind]
    code = int(text[2:], 16) if kind in "xu" else _CONTROLS.get(kind, ord(kind))
    return ((code, code),)


def without(ranges: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> Ranges:
    """Take ranges out of ranges."""
    left = list(ranges)
    for low, high in others:
        parts = [((a, min(b, low - 1)), (max(a, high + 1), b)) for a, b in left]
        left = [part for pair in parts for part in pair if part[0] <= part[1]]
    return tuple(left)


def _unsupported(pattern: str, place: int) -> RequestError:
    return RequestError(
        f"the keyword 'pattern' is {pattern!r:.80}, and what begins with its character "
        f"{place + 1} is not supported",
        hint="characters, classes, groups, | and repetition are",
    )
