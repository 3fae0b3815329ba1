"""One engine in the worker process, and the requests under way. Knows no process and no loading."""

import sys
import traceback
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic

from ovglm.engine.base import Answer, Engine
from ovglm.engine.worker.messages import (
    Beat,
    Cancel,
    Chunks,
    Failed,
    Ready,
    Refusal,
    Stop,
    Submit,
    ToWorker,
)
from ovglm.engine.worker.wire import Wire
from ovglm.errors import OvglmError
from ovglm.messages import Chunk

__all__ = ["Host"]


class Host:
    """Passes requests to the engine and chunks to the parent.

    Chunks leave in the engine's own thread, those of one step as one message: another thread
    would have to wait for the lock that the next step holds.
    """

    def __init__(self, engine: Engine, wire: Wire) -> None:
        self._engine = engine
        self._wire = wire
        self._answers: dict[int, Answer] = {}
        self._pieces: list[tuple[int, Chunk]] = []
        self._sending = Lock()

    def serve(self, inbox: "SimpleQueue[ToWorker]", heartbeat_s: float) -> None:
        """Say that the engine is ready, do what the parent asks, and close the engine at Stop."""
        self._wire.send(Ready(self._engine.info))
        due = monotonic()
        while True:
            if monotonic() >= due:
                self._wire.send(Beat(self._engine.counters))
                due = monotonic() + heartbeat_s
            try:
                message = inbox.get(timeout=max(0.0, due - monotonic()))
            except Empty:
                continue
            if isinstance(message, Stop):
                break
            self._take(message)
        self._engine.close()
        self.flush()

    def collect(self, request: int, chunk: Chunk) -> None:
        """Keep a chunk for the next `flush`."""
        with self._sending:
            self._pieces.append((request, chunk))

    def flush(self) -> None:
        """Send what was collected."""
        with self._sending:
            pieces, self._pieces = self._pieces, []
            if pieces:
                self._wire.send(Chunks(pieces))

    def end(self, request: int, error: BaseException | None = None) -> None:
        """Forget a request; report the error that ended it, of a bug with its traceback."""
        self._answers.pop(request, None)
        if error is None:
            return
        if not isinstance(error, OvglmError):
            traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
        self.flush()
        self._wire.send(Failed(request, Refusal.of(error)))

    def _take(self, message: ToWorker) -> None:
        match message:
            case Submit():
                self._submit(message)
            case Cancel(request):
                if (answer := self._answers.get(request)) is not None:
                    answer.cancel()

    def _submit(self, message: Submit) -> None:
        try:
            pictures = [one.to_picture() for one in message.pictures]
            answer = self._engine.submit(message.prompt_ids, message.sampling, pictures)
        except Exception as error:  # noqa: BLE001 (a bug in one request must not end the others)
            self.end(message.request, error)
            return
        self._answers[message.request] = answer
        answer.forward(_Outlet(self, message.request, message.sampling.n))


class _Outlet:
    """Where one request's chunks go."""

    def __init__(self, host: Host, request: int, parts: int) -> None:
        self._host = host
        self._request = request
        self._parts_left = parts

    def put(self, item: Chunk | BaseException) -> None:
        if isinstance(item, BaseException):
            self._host.end(self._request, item)
            return
        self._host.collect(self._request, item)
        if item.finish_reason is not None:
            self._parts_left -= 1
            if not self._parts_left:
                self._host.end(self._request)

    def flush(self) -> None:
        self._host.flush()
