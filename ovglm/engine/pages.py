"""The pages of the KV cache as openvino_genai hands them out (2026.4, cache/block_manager.hpp).

A page is known by a key of all the ids up to its end. When nobody uses it any more it is kept until
all are taken: then the one that was touched least recently is taken anew. It is touched when it is
taken or found again, but not when it is taken for the first time or after two had the same key.
"""

from collections import deque

__all__ = ["Page", "Pages"]


class Page:
    """One page; `touched` is the time of its last touch, users those that have it now."""

    __slots__ = ("key", "touched", "users")

    def __init__(self, touched: int) -> None:
        self.key = 0
        self.touched = touched
        self.users = 0


class Pages:
    """All pages: never used ones and others that are free, kept ones, and those in use."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._clock = count
        self._free = deque(Page(number) for number in range(count))
        self._kept: dict[int, Page] = {}
        self._known: dict[int, Page] = {}

    @property
    def left(self) -> int:
        """How many can be taken."""
        return len(self._free) + len(self._kept)

    def has(self, key: int) -> bool:
        """Say whether a page of this key is there."""
        return key in self._kept or key in self._known

    def take(self, key: int) -> Page:
        """Take a page for new content: a free one, else the kept one that was touched first."""
        if self._free:
            page = self._free.popleft()
        else:
            page = min(self._kept.values(), key=lambda one: one.touched)
            del self._kept[page.key]
            self._known.pop(page.key, None)
            page.touched = self._tick()
        page.users += 1
        page.key = key
        self._known[key] = page
        return page

    def share(self, key: int) -> Page:
        """Take the page of this key with its content."""
        page = self._kept.pop(key, None) or self._known[key]
        page.users += 1
        page.touched = self._tick()
        return page

    def rename(self, page: Page, key: int) -> None:
        """Note that more has been written into a page."""
        self._known.pop(page.key, None)
        page.key = key
        self._known[key] = page

    def leave(self, page: Page) -> None:
        """Give a page up; with its last user it is kept, in place of another with its key."""
        page.users -= 1
        if page.users:
            return
        other = self._kept.pop(page.key, None)
        if other is not None:
            self._free.append(other)
            if self._known.get(page.key) is other:
                self._known[page.key] = page
        self._kept[page.key] = page

    def _tick(self) -> int:
        self._clock += 1
        return self._clock
