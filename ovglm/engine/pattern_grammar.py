"""From a regular expression to xgrammar's EBNF: of texts as they are, or as strings in JSON."""

import json
from collections.abc import Iterator, MutableMapping

from ovglm.engine.json_counts import repeated
from ovglm.engine.patterns import Chars, Choice, Node, Pattern, Ranges, Row, Times, without
from ovglm.errors import RequestError

__all__ = ["write_string", "write_text"]

# What stands in a JSON string only behind a backslash.
_NOT_PLAIN: Ranges = ((0x00, 0x1F), (0x22, 0x22), (0x5C, 0x5C))
_ESCAPED = (0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x22, 0x5C)
_SURROGATES: Ranges = ((0xD800, 0xDFFF),)
_EVERYTHING: Ranges = ((0, 0x10FFFF),)
_LAST_ASCII = 0x7F
_QUOTE = 0x22
_BAR = 0x7C
_LAST_OF_U = 0xFFFF
_SIGNS = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def write_text(pattern: Pattern, rules: MutableMapping[str, str]) -> str:
    """Write the texts that the expression matches as a whole. Adds to `rules`."""
    return _Writer(rules, is_json=False).write(pattern.node)


def write_string(pattern: Pattern, rules: MutableMapping[str, str]) -> str:
    """Write JSON strings in which the expression is found; without their quotes.

    Where it does not begin or end the text, the rule `text` may stand there. Adds to `rules`.
    """
    begin = "" if pattern.is_begun else "text "
    end = "" if pattern.is_ended else " text"
    return f"{begin}{_Writer(rules, is_json=True).write(pattern.node)}{end}"


class _Writer:
    def __init__(self, rules: MutableMapping[str, str], *, is_json: bool) -> None:
        self._rules = rules
        self._is_json = is_json

    def write(self, node: Node) -> str:
        match node:
            case Chars():
                return self._chars(node)
            case Times(part, low, high):
                return self._times(part, low, high)
            case Choice(parts):
                return "(" + " | ".join(map(self.write, parts)) + ")"
            case Row(parts):
                return " ".join(map(self.write, parts)) or '""'

    def _times(self, part: Node, low: int, high: int | None) -> str:
        """Repeat in place without a count, and with one in blocks of a rule."""
        if high == 0:
            return '""'
        if sign := _SIGNS.get((low, high)):
            text = self.write(part)
            return f"{text}{sign}" if isinstance(part, Chars) else f"({text}){sign}"
        name = f"p{len(self._rules)}"
        self._rules[name] = ""
        self._rules[name] = self.write(part)
        return repeated(name, low, high, self._rules)

    def _chars(self, chars: Chars) -> str:
        if chars.is_negated:
            special = _NOT_PLAIN if self._is_json else ()
            return _class((*chars.ranges, *special), is_negated=True)
        ranges = _without_bar(chars.ranges)
        if not self._is_json:
            return _class(ranges)
        plain = without(ranges, _NOT_PLAIN)
        choices = [_class(plain)] if plain else []
        choices += map(_escape, _escaped_of(ranges))
        if not choices:
            raise RequestError("the keyword 'pattern' asks for a character that is not supported")
        return choices[0] if len(choices) == 1 else "(" + " | ".join(choices) + ")"


def _without_bar(ranges: Ranges) -> Ranges:
    """Take `|` out of a class with brackets, or from within a range.

    To the runtime `<|user|>` is text where its characters are, and sampling it ends the answer.
    Only in classes that take nearly everything xgrammar leaves it out.
    """
    is_within = any(low < high and low <= _BAR <= high for low, high in ranges)
    has_brackets = any(low <= ord(one) <= high for one in "<>" for low, high in ranges)
    return without(ranges, ((_BAR, _BAR),)) if is_within or has_brackets else ranges


def _escaped_of(ranges: Ranges) -> Iterator[int]:
    return (code for code in _ESCAPED if any(low <= code <= high for low, high in ranges))


def _escape(code: int) -> str:
    """Write a character as it stands in a JSON string, as text of the grammar."""
    text = json.dumps(chr(code))[1:-1]
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _class(ranges: Ranges, is_negated: bool = False) -> str:
    """Write a class; one that leaves out more than ASCII by what is left, as xgrammar wants it."""
    if is_negated and any(high > _LAST_ASCII for _, high in ranges):
        ranges, is_negated = without(_EVERYTHING, (*ranges, *_SURROGATES)), False
    inside = "".join(
        _code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges
    )
    return f"[{'^' if is_negated else ''}{inside}]"


def _code(code: int) -> str:
    r"""Write a character of a class; \x takes all hexadecimal digits behind it, so \u it is."""
    character = chr(code)
    if character in "\\]^-":
        return "\\" + character
    is_plain = code > _LAST_OF_U or (character.isprintable() and code != _QUOTE)
    return character if is_plain else f"\\u{code:04x}"
