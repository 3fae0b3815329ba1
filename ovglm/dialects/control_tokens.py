"""The control tokens that all GLM dialects share, and how to find them in text that still grows."""

import re
from collections.abc import Sequence

__all__ = ["CONTROL_TOKENS", "NEXT_TURN", "STOP_TOKENS", "Marks", "last_stops"]

NEXT_TURN = "<|assistant|>"
STOP_TOKENS = ("<|endoftext|>", "<|user|>", "<|observation|>")
CONTROL_TOKENS = (*STOP_TOKENS, "<|system|>", NEXT_TURN)


class Marks:
    """Texts to be found in a stream, where a piece can end in the middle of one."""

    def __init__(self, marks: Sequence[str]) -> None:
        self._marks = tuple(marks)
        self._pattern = re.compile("|".join(map(re.escape, marks)))

    def find(self, text: str) -> re.Match[str] | None:
        """Find the first mark."""
        return self._pattern.search(text)

    def begun(self, text: str) -> int:
        """Count the characters at the end of `text` that may be the beginning of a mark."""
        longest = max(map(len, self._marks)) - 1
        for start in range(max(0, len(text) - longest), len(text)):
            if any(mark.startswith(text[start:]) for mark in self._marks):
                return len(text) - start
        return 0


def last_stops(text: str, is_end: bool) -> int:
    """Count the characters at the end of `text` that are stop tokens, or may become some."""
    end = len(text) if is_end else len(text) - _STOPS.begun(text)
    while stop := next((stop for stop in STOP_TOKENS if text.endswith(stop, 0, end)), None):
        end -= len(stop)
    return len(text) - end


_STOPS = Marks(STOP_TOKENS)
