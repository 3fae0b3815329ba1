"""What a download tells of itself while it runs."""

from typing import Protocol

__all__ = ["DownloadProgress", "NoProgress"]


class DownloadProgress(Protocol):
    """Hears of a download's bytes. Called from several threads at once."""

    def begin(self, name: str, size: int, present: int) -> None:
        """A file of `size` bytes begins, of which `present` are here from an earlier attempt."""
        ...

    def advance(self, name: str, count: int) -> None:
        """`count` more bytes of this file are on disk; negative where damaged ones were dropped."""
        ...

    def end(self, name: str) -> None:
        """The file is complete, checked and in its place."""
        ...


class NoProgress:
    """Progress that nobody sees."""

    def begin(self, name: str, size: int, present: int) -> None:
        """Say nothing."""

    def advance(self, name: str, count: int) -> None:
        """Say nothing."""

    def end(self, name: str) -> None:
        """Say nothing."""
