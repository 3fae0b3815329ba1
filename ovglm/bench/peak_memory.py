"""The most memory that this process and its children hold at once."""

from threading import Event, Thread
from types import TracebackType

import psutil

__all__ = ["PeakMemory", "tree_bytes"]

INTERVAL_S = 0.2  # each look scans all processes, and must not slow what is measured


def tree_bytes() -> int:
    """Give the resident memory of this process and all its children, in bytes."""
    this = psutil.Process()
    total = 0
    for process in (this, *this.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it has just ended
    return total


class PeakMemory:
    """Watches while the block runs; `bytes` is the peak so far."""

    def __init__(self) -> None:
        self.bytes = tree_bytes()
        self._ended = Event()
        self._thread = Thread(target=self._watch, name="peak memory", daemon=True)

    def look(self) -> None:
        """Count what is held now."""
        self.bytes = max(self.bytes, tree_bytes())

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.look()

    def _watch(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            self.look()
