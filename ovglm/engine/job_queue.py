"""The queue and the thread of an engine that answers one request after the other."""

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.job import Job
from ovglm.engine.limits import QUEUE_LENGTH
from ovglm.errors import OvglmError

__all__ = ["JobQueue", "Run"]

Run = Callable[[Job], object]


class JobQueue:
    """Runs jobs in a thread of its own, first come, first served; at most `length` of them wait."""

    def __init__(self, device: str, free: Callable[[], object], length: int = QUEUE_LENGTH) -> None:
        """device: its name, for people. free: lets go of the model, in the thread, at the end."""
        self._device = device
        self._free = free
        self._length = length
        self._changed = Condition()
        self._waiting: deque[tuple[Job, Run]] = deque()
        self._running: Job | None = None
        self._is_closed = False
        self._thread = Thread(target=self._work, name="ovglm engine", daemon=True)
        self._thread.start()

    @property
    def sizes(self) -> tuple[int, int]:
        """How many jobs run, none or one, and how many wait."""
        running = self._running
        return int(running is not None and not running.is_over), len(self._waiting)

    def add(self, make: Callable[[], Job], run: Run) -> QueuedAnswer:
        """Queue the job that `make` gives, which `run` will answer to its end.

        Raises OvglmError where the engine is closed or the queue is full, and what `make` raises.
        """
        with self._changed:
            if self._is_closed:
                raise OvglmError("the engine is closed")
            if len(self._waiting) >= self._length:
                raise OvglmError(
                    f"{len(self._waiting)} requests wait for {self._device} already, and it "
                    "answers one at a time",
                    hint="ask again later",
                )
            job = make()
            job.on_cancel = self._drop_cancelled
            self._waiting.append((job, run))
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """End all jobs and free the model; waits for what the running one calculates just now."""
        with self._changed:
            self._is_closed = True
            for job in self._open_jobs():
                job.is_cancelled = True
            self._changed.notify()
        self._thread.join()

    def _open_jobs(self) -> list[Job]:
        running = [self._running] if self._running else []
        return [job for job, _ in self._waiting] + running

    def _drop_cancelled(self) -> None:
        """End the cancelled jobs that wait; the one that runs notices by itself."""
        with self._changed:
            gone = [job for job, _ in self._waiting if job.is_cancelled]
            self._waiting = deque(one for one in self._waiting if not one[0].is_cancelled)
        for job in gone:
            job.finish_all("cancelled")

    def _work(self) -> None:
        try:
            while (entry := self._next()) is not None:
                job, run = entry
                run(job)
                with self._changed:
                    self._running = None
        finally:
            self._end()

    def _end(self) -> None:
        """End what is left: cancelled, or failed where a bug ended the thread."""
        with self._changed:
            left = self._open_jobs()
            is_asked_for, self._is_closed = self._is_closed, True
            self._waiting.clear()
            self._free()
        for job in left:
            if is_asked_for:
                job.finish_all("cancelled")
            else:
                job.fail(OvglmError("the engine ended by a bug", hint="load the model again"))

    def _next(self) -> tuple[Job, Run] | None:
        with self._changed:
            while not (self._is_closed or self._waiting):
                self._changed.wait()
            if self._is_closed:
                return None
            entry = self._waiting.popleft()
            self._running = entry[0]
            return entry
