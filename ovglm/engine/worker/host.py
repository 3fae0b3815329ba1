"""One engine in the worker process, and the requests under way. Knows no process and no loading."""

import asyncio
import sys
import traceback
from contextlib import suppress
from functools import partial

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
    """Passes requests to the engine and chunks to the parent; lives in one event loop.

    A step of the engine wakes the loop once, all answers are read in the same turn of it, and
    what they gave leaves as one message.
    """

    def __init__(self, engine: Engine, wire: Wire) -> None:
        self._engine = engine
        self._wire = wire
        self._answers: dict[int, Answer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pieces: list[tuple[int, Chunk]] = []
        self._stopped = asyncio.Event()

    async def serve(self, heartbeat_s: float) -> None:
        """Say that the engine is ready, and return when it is closed and all is said."""
        self._wire.send(Ready(self._engine.info))
        while not self._stopped.is_set():
            self._wire.send(Beat(self._engine.counters))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), heartbeat_s)
        await asyncio.to_thread(self._engine.close)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._flush()

    def take(self, message: ToWorker) -> None:
        """Do what the parent asks."""
        match message:
            case Submit(request):
                task = asyncio.get_running_loop().create_task(self._answer(message))
                self._tasks.add(task)
                task.add_done_callback(partial(self._note_end, request))
            case Cancel(request):
                # after the first turn of the request's task, which submits it
                asyncio.get_running_loop().call_soon(self._cancel, request)
            case Stop():
                self._stopped.set()

    async def _answer(self, message: Submit) -> None:
        answer = self._engine.submit(message.prompt_ids, message.sampling)
        self._answers[message.request] = answer
        async for chunk in answer:
            if not self._pieces:
                asyncio.get_running_loop().call_soon(self._flush)
            self._pieces.append((message.request, chunk))

    def _cancel(self, request: int) -> None:
        answer = self._answers.get(request)
        if answer is not None:
            answer.cancel()

    def _flush(self) -> None:
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._wire.send(Chunks(pieces))

    def _note_end(self, request: int, task: "asyncio.Task[None]") -> None:
        """Report an answer that ended with an error: a refusal, or a bug with its traceback."""
        self._tasks.discard(task)
        self._answers.pop(request, None)
        error = task.exception()
        if error is None:
            return
        if not isinstance(error, OvglmError):
            traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)
        self._flush()
        self._wire.send(Failed(request, Refusal.of(error)))
