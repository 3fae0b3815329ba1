"""The engine for the NPU: fixed shapes, one answer after the other, first come, first served."""

import atexit
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import openvino
import openvino_genai

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.engine.config import to_config
from ovglm.engine.job import Job
from ovglm.engine.job_queue import JobQueue
from ovglm.engine.limits import QUEUE_LENGTH, Limits, refuse_pictures
from ovglm.engine.native import native_failure
from ovglm.engine.scorer import Scorer
from ovglm.engine.tally import Tally
from ovglm.messages import Sampling
from ovglm.pictures import Picture
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
        self._queue = JobQueue(info.device, self._free, queue_length)
        # a thread that is inside native code while Python shuts down crashes the process
        atexit.register(self.close)

    @property
    def counters(self) -> Counters:
        """What it has done so far; the share of the cache in use is not known here."""
        running, waiting = self._queue.sizes
        return replace(self.tally.read(), running=running, waiting=waiting)

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Put a request into the queue."""
        refuse_pictures(pictures, self.info)
        scorer = self._scorer if sampling.logprobs else None
        parts = (prompt_ids, sampling, self._tokenizer, self._limits, self.tally, scorer)
        return self._queue.add(partial(Job, *parts), self._answer)

    def close(self) -> None:
        """End all requests and free the model; waits for the token that is being made."""
        atexit.unregister(self.close)
        self._queue.close()
        self._scorer.close()

    def _free(self) -> None:
        self._pipeline = None

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
