"""The hand-over of one answer's chunks, from the thread that makes them to whoever reads them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from threading import Condition
from time import perf_counter

from ovglm.engine.base import Sink
from ovglm.messages import Chunk

__all__ = ["QueuedAnswer"]


class QueuedAnswer:
    """The answer that engines give: filled by one thread, read in another or in a coroutine.

    A reader that leaves before the end, by `break` or because its task is cancelled, ends the
    request.
    """

    def __init__(self, cancel: Callable[[], None], parts: int = 1) -> None:
        """cancel: asks the engine to end this request. parts: how many finish reasons come."""
        self._ask_cancel = cancel
        self._parts_left = parts
        self._items: deque[Chunk | BaseException] = deque()
        self._changed = Condition()
        self.is_awaited = False
        self._wake: Callable[[], object] | None = None
        self._sink: Sink | None = None
        self._is_held = False

    def put(self, chunk: Chunk) -> None:
        """Hand over the next chunk."""
        self._add(chunk)

    def fail(self, error: BaseException) -> None:
        """End the answer: the reader gets `error` after the chunks that were made before."""
        self._add(error)

    def forward(self, sink: Sink) -> None:
        """Hand all that comes to `sink`, in the thread that makes it; instead of iterating."""
        with self._changed:
            self._sink = sink
            while self._items:
                sink.put(self._items.popleft())
        sink.flush()

    def hold(self) -> None:
        """Announce that more comes before `release`: a sink is flushed once, then."""
        self._is_held = True

    def release(self, until: float) -> None:
        """Let a waiting reader have what is there, up to the time `until` of perf_counter.

        The maker calls this before native code that keeps the GIL: the reader could not run until
        its end. Returns at once where nobody waits.
        """
        self._is_held = False
        if self._sink is not None:
            self._sink.flush()
            return
        with self._changed:
            while self.is_awaited and self._items and (left := until - perf_counter()) > 0:
                self._changed.wait(left)

    def cancel(self) -> None:
        """End the request soon."""
        self._ask_cancel()

    def __iter__(self) -> Generator[Chunk, None, None]:
        """Yield chunks, waiting for each."""
        try:
            while self._parts_left:
                yield self._open(self._wait())
        finally:
            self._leave()

    async def __aiter__(self) -> AsyncGenerator[Chunk, None]:
        """Yield chunks without blocking the event loop."""
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._changed:
            self._wake = lambda: loop.call_soon_threadsafe(ready.set)
        try:
            while self._parts_left:
                ready.clear()
                if (item := self._take()) is None:
                    await ready.wait()
                else:
                    yield self._open(item)
        finally:
            self._leave()

    def _add(self, item: Chunk | BaseException) -> None:
        with self._changed:
            if self._sink is not None:
                self._sink.put(item)
            else:
                self._items.append(item)
                self._changed.notify_all()
            sink, wake = self._sink, self._wake
        if sink is not None and not self._is_held:
            sink.flush()
        if wake is not None:
            try:
                wake()
            except RuntimeError:  # the event loop is closed, so its reader is gone
                self._wake = None
                self.cancel()

    def _wait(self) -> Chunk | BaseException:
        with self._changed:
            while (item := self._take()) is None:
                # an endless wait would not notice Ctrl-C on Windows
                self._changed.wait(0.5)
        return item

    def _take(self) -> Chunk | BaseException | None:
        """Take the next item; where there is none, note that a reader waits for it."""
        with self._changed:
            item = self._items.popleft() if self._items else None
            self.is_awaited = item is None
            self._changed.notify_all()
        return item

    def _open(self, item: Chunk | BaseException) -> Chunk:
        if isinstance(item, BaseException):
            self._parts_left = 0
            raise item
        if item.finish_reason is not None:
            self._parts_left -= 1
        return item

    def _leave(self) -> None:
        with self._changed:
            self.is_awaited = False
            self._wake = None
        if self._parts_left:
            self.cancel()
