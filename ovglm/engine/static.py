"""The engine for the NPU: fixed shapes, one answer after the other, first come, first served."""

import atexit
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from threading import Condition, Thread
from typing import Any

import numpy as np
import openvino
import openvino_genai

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.engine.config import to_config
from ovglm.engine.job import Job
from ovglm.engine.limits import QUEUE_LENGTH, Limits
from ovglm.engine.native import native_failure
from ovglm.engine.scorer import Scorer
from ovglm.engine.tally import Tally
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer

__all__ = ["StaticEngine"]


class StaticEngine:
    """Generates in a thread of its own; other requests wait in a queue of bounded length."""

    def __init__(
        self,
        pipeline: openvino_genai.LLMPipeline,
        info: EngineInfo,
        limits: Limits,
        tokenizer: Tokenizer,
        scorer: Scorer,
        queue_length: int = QUEUE_LENGTH,
    ) -> None:
        """scorer: finds log-probabilities, of which the pipeline gives only the sum; the engine
        closes it.
        """
        self.info = info
        self.tally = Tally()
        self._scorer = scorer
        self._limits = limits
        self._tokenizer = tokenizer
        # Any: the stub's type cannot be None, which it is at the end
        self._pipeline: Any = pipeline
        self._queue_length = queue_length
        self._changed = Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._is_closed = False
        self._thread = Thread(target=self._run, name="ovglm static engine", daemon=True)
        self._thread.start()
        # a thread that is inside native code while Python shuts down crashes the process
        atexit.register(self.close)

    @property
    def counters(self) -> Counters:
        """What it has done so far; the share of the cache in use is not known here."""
        running = self._running
        return replace(
            self.tally.read(),
            running=int(running is not None and not running.is_over),
            waiting=len(self._waiting),
        )

    def submit(self, prompt_ids: Sequence[int], sampling: Sampling) -> QueuedAnswer:
        """Put a request into the queue."""
        with self._changed:
            if self._is_closed:
                raise OvglmError("the engine is closed")
            if len(self._waiting) >= self._queue_length:
                raise OvglmError(
                    f"{len(self._waiting)} requests wait for {self.info.device} already, and it "
                    "answers one at a time",
                    hint="ask again later",
                )
            scorer = self._scorer if sampling.logprobs else None
            job = Job(prompt_ids, sampling, self._tokenizer, self._limits, self.tally, scorer)
            job.on_cancel = self._drop_cancelled
            self._waiting.append(job)
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """End all requests and free the model; waits for the token that is being made."""
        atexit.unregister(self.close)
        with self._changed:
            self._is_closed = True
            for job in (*self._waiting, *([self._running] if self._running else [])):
                job.is_cancelled = True
            self._changed.notify()
        self._thread.join()
        self._scorer.close()

    def _drop_cancelled(self) -> None:
        """End the cancelled requests that wait; the one that runs notices by itself."""
        with self._changed:
            gone = [job for job in self._waiting if job.is_cancelled]
            self._waiting = deque(job for job in self._waiting if not job.is_cancelled)
        for job in gone:
            job.finish_all("cancelled")

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                self._answer(job)
                with self._changed:
                    self._running = None
        finally:
            self._end()

    def _end(self) -> None:
        """End what is left: cancelled, or failed where a bug ended the thread."""
        with self._changed:
            left = [*self._waiting, *([self._running] if self._running else [])]
            is_asked_for, self._is_closed = self._is_closed, True
            self._waiting.clear()
            self._pipeline = None
        for job in left:
            if is_asked_for:
                job.finish_all("cancelled")
            else:
                job.fail(OvglmError("the engine ended by a bug", hint="load the model again"))

    def _next(self) -> Job | None:
        with self._changed:
            while not (self._is_closed or self._waiting):
                self._changed.wait()
            if self._is_closed:
                return None
            self._running = self._waiting.popleft()
            return self._running

    def _answer(self, job: Job) -> None:
        ids = openvino.Tensor(np.asarray([job.prompt_ids], dtype=np.int64))
        for part in range(job.parts):
            if job.is_cancelled:
                break
            seed = job.seeds.of(part)
            config = to_config(job.sampling, self._limits, len(job.prompt_ids), seed, job.structure)
            config.logprobs = 0
            relay = _Relay(job, part)
            try:
                self._pipeline.generate(ids, config, relay)
            except RuntimeError as error:
                job.fail(native_failure("the runtime failed to answer", error, "ovglm doctor"))
            if relay.bug:
                job.fail(relay.bug)
            # no stop: the answer has all its tokens, or the compiled cache is full
            job.finish(part, "cancelled" if job.is_cancelled else "length")
        job.finish_all("cancelled")


class _Relay(openvino_genai.StreamerBase):
    """Hands each new token to the job, and tells the runtime to stop once that has enough."""

    def __init__(self, job: Job, part: int) -> None:
        super().__init__()
        self.bug: Exception | None = None
        self._job = job
        self._part = part

    def write(self, token: int | Sequence[int]) -> openvino_genai.StreamingStatus:
        status = openvino_genai.StreamingStatus
        if self._job.is_cancelled or self.bug:
            return status.CANCEL
        try:
            is_over = self._job.push(self._part, [token] if isinstance(token, int) else [*token])
        except Exception as error:  # noqa: BLE001 (or the NPU would stay busy for ever)
            self.bug, is_over = error, True
        return status.CANCEL if is_over else status.RUNNING

    def end(self) -> None:
        pass
