"""Ctrl-C while an answer is read: it ends the answer and not the program."""

import signal
from collections.abc import Generator, Iterator
from types import FrameType

__all__ = ["Stoppable"]


class Stoppable:
    """Pieces whose iteration Ctrl-C ends; `was_stopped` tells whether it did.

    It interrupts the wait for the next piece at once, but never the work of who reads them.
    """

    def __init__(self, pieces: Generator[str, None, None]) -> None:
        self.was_stopped = False
        self._pieces = pieces
        self._is_waiting = False

    def __iter__(self) -> Iterator[str]:
        """Yield the pieces; the main thread only can hear of Ctrl-C."""
        before = signal.signal(signal.SIGINT, self._stop)
        try:
            while not self.was_stopped:
                piece = self._wait()
                if piece is None:
                    return
                yield piece
        except KeyboardInterrupt:
            return
        finally:
            signal.signal(signal.SIGINT, before)
            self._pieces.close()  # ends the request now, not when the pieces are collected

    def _wait(self) -> str | None:
        self._is_waiting = True
        try:
            return next(self._pieces, None)
        finally:
            self._is_waiting = False

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.was_stopped = True
        if self._is_waiting:
            raise KeyboardInterrupt
