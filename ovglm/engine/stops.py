"""Finding stop texts in an answer that comes in pieces. Knows no tokens."""

from collections.abc import Sequence

__all__ = ["StopFinder"]


class StopFinder:
    """Holds back what could become a stop text, and cuts the answer before the first of them.

    The first is the one that ends first, so the outcome does not depend on how the text is cut
    into pieces.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.is_found = False
        self._stops = tuple(stops)
        self._held = ""

    def push(self, text: str) -> str:
        """Add text; give the part that is safe to show."""
        if not self._stops or self.is_found:
            return "" if self.is_found else text
        held = self._held + text
        if (cut := self._find(held)) is not None:
            self.is_found = True
            self._held = ""
            return held[:cut]
        keep = self._hold_length(held)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def flush(self) -> str:
        """End the text; give what was held back in vain."""
        held, self._held = self._held, ""
        return held

    def _find(self, text: str) -> int | None:
        """Give the start of the stop text that ends first."""
        found = [
            (start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0
        ]
        return min(found)[1] if found else None

    def _hold_length(self, text: str) -> int:
        """Count the characters at the end that begin a stop text."""
        longest = min(len(text), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
