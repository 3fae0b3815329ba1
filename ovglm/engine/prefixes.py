"""What the paged cache holds of earlier requests, as far as that is certain. Knows no pipeline.

The runtime does not say how much of a prompt it found (openvino_genai 2026.4). It keeps every page
that was ever filled until it needs the room, so as long as all the pages that were ever taken fit
into the cache none is gone, and what it finds is known. After that, and in the few other cases
that cannot be told, the count is 0. Whole pages are counted: a begun one may be found beyond them.
"""

from collections.abc import Iterable, Sequence

__all__ = ["Prefixes", "Reading"]


class Reading:
    """One sequence in the cache: the ids of its prompt, then those of its answer."""

    def __init__(self, prompt_ids: Sequence[int], reserved: int) -> None:
        """reserved: pages that it may take."""
        self.ids = list(prompt_ids)
        self.reserved = reserved
        self.pages = 0
        self.key = 0


class Prefixes:
    """The pages that were filled, each known by all the ids up to its end."""

    def __init__(self, page: int, pages: int) -> None:
        """page: tokens of one. pages: how many the cache has."""
        self._page = page
        self._pages = pages
        self._known: set[int] = set()
        self._doubtful: set[int] = set()
        self._tails: set[int] = set()
        self._reserved = 0
        self._lost = 0

    def begin(
        self, prompt_ids: Sequence[int], room: int, unread: Iterable[Sequence[int]]
    ) -> tuple[Reading, int]:
        """Note a sequence that starts; give how many tokens of its prompt are found.

        room: how many tokens its answer may have. unread: prompts of which the cache has a part
        that is not known, as they are being read.
        """
        first = self._first(prompt_ids)
        is_certain = first not in self._doubtful
        is_certain &= all(self._first(other) != first for other in unread)
        key, found = 0, 0
        while (key := self._key(prompt_ids, found, key)) in self._known:
            found += 1
        reserved = (len(prompt_ids) + room) // self._page + 2
        self._reserved += reserved
        is_certain &= self._reserved + self._kept <= self._pages
        cached = min(found * self._page, len(prompt_ids) - 1)
        return Reading(prompt_ids, reserved), cached if is_certain else 0

    def add(self, reading: Reading, ids: Sequence[int]) -> None:
        """Note ids that were made; the last of them is not in the cache before the next."""
        reading.ids += ids
        while (reading.pages + 1) * self._page < len(reading.ids):
            reading.key = self._key(reading.ids, reading.pages, reading.key)
            reading.pages += 1
            if self._kept <= self._pages:
                self._known.add(reading.key)

    def end(self, reading: Reading, is_read: bool) -> None:
        """Note the end of a sequence. is_read: its prompt was read to the end, without an error."""
        self._reserved -= reading.reserved
        if self._kept > self._pages:
            return
        if is_read:
            tail = reading.ids[reading.pages * self._page :]
            self._tails.add(hash((reading.key, *tail)))
        else:
            self._lost += reading.reserved
            self._doubtful.add(self._first(reading.ids))

    @property
    def _kept(self) -> int:
        """Count the pages that ended sequences left behind, at most; equal ones are kept once."""
        return len(self._known) + len(self._tails) + self._lost

    def _first(self, ids: Sequence[int]) -> int:
        return hash(tuple(ids[: self._page]))

    def _key(self, ids: Sequence[int], place: int, before: int) -> int:
        """Name the page at a place; 0 where the ids end before its end."""
        end = (place + 1) * self._page
        return hash((before, *ids[end - self._page : end])) if end <= len(ids) else 0
