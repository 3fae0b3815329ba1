"""What a hub's client has to offer here, and how it says that something went wrong for a moment."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ovglm.hub.remote import RemoteFile

__all__ = ["Answer", "Door", "Hiccup", "Listing", "Mismatch"]


class Hiccup(Exception):
    """The hub stumbled, and may well answer a moment later: busy, cut, silent.

    retry_after_s: what the hub asks us to wait. is_reached: it did answer something.
    hint: what to try when it goes on so.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after_s: float | None = None,
        is_reached: bool = True,
        hint: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.is_reached = is_reached
        self.hint = hint


class Mismatch(Exception):
    """The hub's bytes are not those that it lists."""


@dataclass(frozen=True)
class Listing:
    """What a hub tells of a repository at one commit.

    repo: its name now, which is another one where it was renamed. files: those in the top folder
    whose names are safe; all others are never looked at. made_from: the original's repository,
    where this one says so.
    """

    repo: str
    revision: str
    files: tuple[RemoteFile, ...]
    made_from: str | None = None


@dataclass(frozen=True)
class Answer:
    """A hub's answer to a request for a range of a file; blocks: its body, as it comes in."""

    status: int
    content_range: str | None
    blocks: Iterator[bytes]


class Door(Protocol):
    """One hub. Its methods may be called from several threads.

    They raise HubError where asking again is of no use, else Hiccup or Mismatch.
    """

    address: str

    def list_files(self, repo: str, revision: str | None) -> Listing:
        """Resolve a revision to its commit and list the files there."""
        ...

    def open(
        self, repo: str, revision: str, name: str, start: int, stop: int
    ) -> AbstractContextManager[Answer]:
        """Ask for the bytes from `start` up to, not including, `stop`."""
        ...

    def page(self, repo: str) -> str:
        """Give the address of a model's page, for people."""
        ...
