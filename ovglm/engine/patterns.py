"""Which regular expressions the runtime's grammars can hold a text to. Knows no schema.

xgrammar 0.1.31 has no lookaround, word boundaries, back references or flags, takes an unknown
escape for the letter itself, and passes over anchors inside. What it would refuse or read
differently is refused here, before a request is under way.
"""

import re

from ovglm.errors import RequestError

__all__ = ["check_pattern"]

_ESCAPE = r"\\(?:[dDwWsSnrtfv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^a-zA-Z0-9])"
_TOKEN = re.compile(
    rf"(?P<one>{_ESCAPE}|\[\^?(?:{_ESCAPE}|[^\]\[\\])+\]|[^\\\[\](){{}}*+?|^$])"
    r"|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<or>\|)"
    r"|(?P<times>[*+?]|\{[0-9]{1,4}(?:,(?:[0-9]{1,4})?)?\})"
)
# Behind these something begins, so that neither an end nor a repetition may follow.
_BEGINNINGS = (None, "open", "or")


def check_pattern(pattern: object) -> None:
    """Raise RequestError for what is no regular expression, or one that cannot be enforced."""
    if not isinstance(pattern, str):
        raise RequestError(f"the keyword 'pattern' is {pattern!r:.40} and not a text")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RequestError(f"the keyword 'pattern' is {pattern!r:.80}: {error}") from error
    place, end = int(pattern.startswith("^")), len(pattern)
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        end -= 1
    before = None
    while place < end:
        token = _TOKEN.match(pattern, place, end)
        kind = token.lastgroup if token else None
        is_empty = before in _BEGINNINGS and kind in ("close", "or", "times")
        if token is None or is_empty or (before == "times" and kind == "times"):
            raise _unsupported(pattern, place)
        place, before = token.end(), kind
    if before == "or":
        raise _unsupported(pattern, place)


def _unsupported(pattern: str, place: int) -> RequestError:
    return RequestError(
        f"the keyword 'pattern' is {pattern!r:.80}, and what begins with its character "
        f"{place + 1} is not supported",
        hint="characters, classes, groups, | and greedy repetition are",
    )
