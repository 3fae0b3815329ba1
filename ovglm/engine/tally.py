"""Counting what an engine does, from several threads."""

from collections import Counter
from threading import Lock

from ovglm.engine.base import Counters

__all__ = ["Tally"]


class Tally:
    """Counts since the engine was loaded; what is running or waiting now, the engine knows."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def add(self, **counts: int) -> None:
        """Add to fields of Counters, named as there."""
        with self._lock:
            for name, more in counts.items():
                self._counts[name] += more

    def read(self) -> Counters:
        """Give the counts of this moment."""
        with self._lock:
            return Counters(**self._counts)

    def reset(self) -> None:
        """Forget all, as after a warm-up."""
        with self._lock:
            self._counts.clear()
