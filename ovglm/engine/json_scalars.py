"""Numbers, strings and literals of JSON in xgrammar's EBNF. Knows no schema.

Bounds keep a model that repeats itself from writing a number for ever: 18 digits before the point,
17 behind it, exponents of two digits.
"""

import json
from collections.abc import MutableMapping, Sequence
from typing import Any

from ovglm.engine.json_counts import repeated

__all__ = [
    "CHAR",
    "ESCAPE",
    "FORMATS",
    "NUMBER",
    "TEXT",
    "either",
    "formatted",
    "integers",
    "literal",
    "numbers",
]

_DIGITS = 18
NUMBER = '"-"? ("0" | [1-9] [0-9]{0,17}) ("." [0-9]{1,17})? ([eE] [+-]? [0-9]{1,2})?'
# Half of a surrogate pair is left out: alone it is no text that could be sent on.
_HEX = "[0-9a-fA-F]"
_CODE = f'"u" ([0-9a-cA-CeEfF] {_HEX}{{3}} | [dD] [0-7] {_HEX}{{2}})'
# A rule of its own: written inside a repetition it costs 80 ms for each token (151,000 in the
# vocabulary), as a rule less than one.
ESCAPE = rf'"\\" (["\\/bfnrt] | {_CODE})'
_PLAIN = r'[^\x00-\x1f"\\]'
CHAR = f"{_PLAIN} | escape"
TEXT = f"{_PLAIN}* (escape {_PLAIN}*)*"

_DAY_28 = '("0" [1-9] | "1" [0-9] | "2" [0-8])'
_DAY_30 = '("0" [1-9] | [12] [0-9] | "30")'
_DAY_31 = '("0" [1-9] | [12] [0-9] | "3" [01])'
_MONTHS = (
    f'(("01" | "03" | "05" | "07" | "08" | "10" | "12") "-" {_DAY_31}'
    f' | ("04" | "06" | "09" | "11") "-" {_DAY_30} | "02-" {_DAY_28})'
)
_DATE = f'[1-9] [0-9]{{3}} "-" {_MONTHS}'
_TIME = (
    '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})?'
    ' ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])'
)
_OCTET = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9])'
# What a string of a format may be; each a part of what RFC 3339, 4122, 2673 and 5321 allow.
FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f'{_DATE} "T" {_TIME}',
    "uuid": f'{_HEX}{{8}} "-" {_HEX}{{4}} "-" {_HEX}{{4}} "-" {_HEX}{{4}} "-" {_HEX}{{12}}',
    "ipv4": f'{_OCTET} "." {_OCTET} "." {_OCTET} "." {_OCTET}',
    "email": 'email_word ("." email_word){0,3} "@" (email_label "."){1,3} email_top',
}


def formatted(kind: str, rules: MutableMapping[str, str]) -> str:
    """Name the rule of a format; adds to `rules` what it needs, once."""
    name = f"format_{kind.replace('-', '_')}"
    if name not in rules:
        rules[name] = FORMATS[kind]
        if kind == "email":
            _add_email_words(rules)
    return name


def _add_email_words(rules: MutableMapping[str, str]) -> None:
    """Add the rules of an e-mail address; its counts in place would take 2 s to compile."""
    counted = (
        ("email_word", "[a-zA-Z0-9_+-]", 1, 30),
        ("email_part", "[a-z0-9]", 1, 15),
        ("email_top", "[a-z]", 2, 10),
    )
    for name, letters, low, high in counted:
        rules[f"{name}_letter"] = letters
        rules[name] = repeated(f"{name}_letter", low, high, rules)
    rules["email_label"] = 'email_part ("-" email_part)?'


def literal(value: Any) -> str:
    """Write down a value that must come as it is; its separators are those of json.dumps."""
    text = json.dumps(value, ensure_ascii=False)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def either(choices: Sequence[str]) -> str:
    """Any of the choices."""
    return choices[0] if len(choices) == 1 else "(" + " | ".join(choices) + ")"


def integers(low: int | None, high: int | None) -> str:
    """Integers from `low` to `high`, both included; None is as far as the digits go."""
    farthest = 10 ** max(_DIGITS, len(str(abs(low or 0))), len(str(abs(high or 0)))) - 1
    bottom = -farthest if low is None else low
    top = farthest if high is None else high
    choices = []
    if bottom < 0:
        choices.append(f'"-" {_naturals(max(1, -top), -bottom)}')
    if top >= 0:
        choices.append(_naturals(max(0, bottom), top))
    return either(choices)


def numbers(low: int | None, high: int | None, above: bool, below: bool) -> str:
    """Decimal numbers between two integers; `above` and `below` leave these out themselves."""
    farthest = 10 ** max(_DIGITS, len(str(abs(low or 0))), len(str(abs(high or 0)))) - 1
    bottom = -farthest if low is None else low
    top = farthest if high is None else high
    choices = []
    if bottom < 0:
        choices.append(f'"-" {_decimals(max(0, -top), -bottom, below and top <= 0, above)}')
    if top > 0 or (top == 0 and not below and not (bottom == 0 and above)):
        choices.append(_decimals(max(0, bottom), top, above and bottom >= 0, below))
    return either(choices)


def _decimals(low: int, high: int, above: bool, below: bool) -> str:
    """Decimals from `low` to `high`, neither below 0."""
    choices = []
    first = low
    if above and low < high:
        choices.append(f'"{low}" "." "0"{{0,16}} [1-9] [0-9]{{0,16}}')
        first += 1
    if first < high:
        choices.append(f'{_naturals(first, high - 1)} ("." [0-9]{{1,17}})?')
    if not below:
        choices.append(f'"{high}" ("." "0"{{1,3}})?')
    return either(choices)


def _naturals(low: int, high: int) -> str:
    """Integers from `low` to `high`, neither below 0."""
    choices = []
    for length in range(len(str(low)), len(str(high)) + 1):
        least = max(low, 10 ** (length - 1) if length > 1 else 0)
        most = min(high, 10**length - 1)
        choices.append(_between(str(least).rjust(length, "0"), str(most)))
    return either(choices)


def _between(low: str, high: str) -> str:
    """Texts of digits from `low` to `high`, which are equally long."""
    if low == high:
        return f'"{low}"'
    rest = len(low) - 1
    if low[0] == high[0]:
        return f'"{low[0]}" {_between(low[1:], high[1:])}'
    start, end = int(low[0]), int(high[0])
    choices = []
    if rest and low[1:] != "0" * rest:
        choices.append(f'"{start}" {_between(low[1:], "9" * rest)}')
        start += 1
    last = ""
    if rest and high[1:] != "9" * rest:
        last = f'"{end}" {_between("0" * rest, high[1:])}'
        end -= 1
    if start <= end:
        free = f" [0-9]{{{rest}}}" if rest else ""
        choices.append(f"[{start}-{end}]{free}")
    return either([*choices, last] if last else choices)
