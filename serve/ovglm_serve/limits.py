"""How many requests may be open at a time, and when to come again. Knows no HTTP."""

import math
from collections.abc import Callable
from time import monotonic

from ovglm.errors import OvglmError

__all__ = ["Gate", "QueueFull"]

_LONGEST_RETRY_S = 60
# The weight of the newest request in the mean: about the last ten count.
_NEWEST = 0.2


class QueueFull(OvglmError):
    """As many requests are open as are allowed; `retry_after_s` estimates when one will be over."""

    def __init__(self, name: str, limit: int, retry_after_s: int) -> None:
        super().__init__(
            f"{name} is busy: {limit} requests are waiting or running, and no more are taken",
            hint=f"try again in {retry_after_s} s",
        )
        self.retry_after_s = retry_after_s


class Gate:
    """Counts the open requests of one model. For one thread."""

    def __init__(self, name: str, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self.open = 0
        self._name = name
        self._limit = limit
        self._clock = clock
        self._mean_s: float | None = None

    def enter(self) -> Callable[[], None]:
        """Let a request in, or raise QueueFull; return what is called at its end."""
        if self.open >= self._limit:
            raise QueueFull(self._name, self._limit, self.retry_after_s)
        self.open += 1
        start = self._clock()
        return lambda: self._leave(start)

    @property
    def retry_after_s(self) -> int:
        """Estimate when the next request will be over: `open` of them take a mean time each."""
        if not self._mean_s or not self.open:
            return 1
        return min(_LONGEST_RETRY_S, max(1, math.ceil(self._mean_s / self.open)))

    def _leave(self, start: float) -> None:
        self.open -= 1
        took_s = self._clock() - start
        mean_s = took_s if self._mean_s is None else self._mean_s
        self._mean_s = mean_s + _NEWEST * (took_s - mean_s)
