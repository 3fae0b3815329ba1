"""From the first signal to the end: which requests are open, and when they have to be over."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Lifetime", "stop_on_signal"]


class Lifetime:
    """The open requests of one app, and whether it is stopping. For the event loop's thread."""

    def __init__(self) -> None:
        self.is_stopping = False
        self.is_over = False
        self._cancels: dict[object, Callable[[], object]] = {}

    @property
    def open(self) -> int:
        """How many requests are open."""
        return len(self._cancels)

    @contextmanager
    def admit(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Count a request while it is open. cancel: ends it early."""
        key = object()
        self._cancels[key] = cancel
        if self.is_over:
            cancel()
        try:
            yield
        finally:
            del self._cancels[key]

    def begin_stop(self) -> None:
        """Let open requests go on, and have /health say that no more are wanted."""
        self.is_stopping = True

    def end_all(self) -> None:
        """End what is still open."""
        self.is_stopping = self.is_over = True
        for cancel in list(self._cancels.values()):
            cancel()


@contextmanager
def stop_on_signal(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` at the first SIGTERM or Ctrl-C; at the second, end the process at once.

    The workers' processes end with it (see ovglm/engine/worker/orphan.py).
    """
    is_stopping = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal is_stopping
        if is_stopping:
            os._exit(128 + number)
        is_stopping = True
        stop()

    before = {number: signal.signal(number, handle) for number in _signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signals() -> tuple[signal.Signals, ...]:
    if sys.platform == "win32":
        return signal.SIGINT, signal.SIGTERM, signal.SIGBREAK
    return signal.SIGINT, signal.SIGTERM
