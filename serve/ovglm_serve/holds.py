"""What one request holds until its answer has left: a loaded model, answers under way.

Routes do not give these back by hand: a client that leaves at any point must free them too, also
before a stream was begun. The outermost middleware opens the holds and closes them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from threading import Lock

__all__ = ["hold", "holding", "request_id"]


class _Holds:
    """Releases in reverse order. A thread may come late: the request's end did not wait for it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._is_over = False
        self._changing = Lock()

    def add(self, release: Callable[[], object]) -> None:
        with self._changing:
            is_late = self._is_over
            if not is_late:
                self._stack.callback(release)
        if is_late:
            release()

    def close(self) -> None:
        with self._changing:
            self._is_over = True
        self._stack.close()


_holds: ContextVar[_Holds | None] = ContextVar("holds", default=None)
_request_id: ContextVar[str] = ContextVar("request_id", default="-")


@contextmanager
def holding(name: str = "-") -> Iterator[None]:
    """Release at the end what is held within. name: the request's id."""
    holds = _Holds()
    before = _holds.set(holds), _request_id.set(name)
    try:
        yield
    finally:
        _holds.reset(before[0])
        _request_id.reset(before[1])
        holds.close()


def hold(release: Callable[[], object]) -> bool:
    """Have `release` called when the request is over; False, and nothing, outside a request."""
    holds = _holds.get()
    if holds is None:
        return False
    holds.add(release)
    return True


def request_id() -> str:
    """Give the id of the request under way."""
    return _request_id.get()
