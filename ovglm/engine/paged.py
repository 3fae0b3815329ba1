"""The engine for CPU and GPU: paged attention, many answers at once, prefixes shared."""

import atexit
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Condition, Thread

import openvino_genai

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.engine.batch import Batch
from ovglm.engine.job import Job
from ovglm.engine.limits import Limits, refuse_pictures
from ovglm.engine.native import native_failure
from ovglm.engine.prefixes import Prefixes
from ovglm.engine.scorer import Scorer
from ovglm.engine.tally import Tally
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import Sampling
from ovglm.pictures import Picture
from ovglm.tokens import Tokenizer

__all__ = ["PagedEngine"]


class PagedEngine:
    """Steps a pipeline in a thread of its own while there is work, and sleeps while there is none.

    A step keeps the GIL, so other Python threads run between steps only: a server puts this
    engine into a process of its own.
    """

    def __init__(
        self,
        pipeline: openvino_genai.ContinuousBatchingPipeline,
        info: EngineInfo,
        limits: Limits,
        tokenizer: Tokenizer,
        extras: Mapping[str, int] | None = None,
        prefixes: Prefixes | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        """extras: fields that every request's GenerationConfig needs, as for a draft model.

        prefixes: what the cache keeps, where that can be known. scorer: finds the likeliest
        tokens; the engine closes it.
        """
        self.info = info
        self.tally = Tally()
        self._limits = limits
        self._tokenizer = tokenizer
        self._batch = Batch(pipeline, limits, extras or {}, prefixes)
        self.scorer = scorer
        self._changed = Condition()
        self._new: deque[Job] = deque()
        self._end: OvglmError | None = None
        self._thread = Thread(target=self._run, name="ovglm paged engine", daemon=True)
        self._thread.start()
        # a thread that is inside native code while Python shuts down crashes the process
        atexit.register(self.close)

    @property
    def counters(self) -> Counters:
        """What it has done so far."""
        running, waiting = self._batch.sizes
        usage, size = self._batch.cache
        return replace(
            self.tally.read(),
            running=running,
            waiting=waiting + len(self._new),
            cache_usage=usage if running else 0.0,
            cache_bytes=size,
        )

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Start answering; many requests run side by side."""
        refuse_pictures(pictures, self.info)
        if sampling.top_logprobs and not self.scorer:
            raise RequestError(f"top_logprobs are not available on {self.info.device}")
        with self._changed:
            if self._end:
                raise self._end
            scorer = self.scorer if sampling.top_logprobs else None
            job = Job(prompt_ids, sampling, self._tokenizer, self._limits, self.tally, scorer)
            job.on_cancel = self._notify
            self._new.append(job)
            self._changed.notify()
        return job.answer

    def close(self) -> None:
        """End all requests and free the model; waits for the step that runs."""
        atexit.unregister(self.close)
        with self._changed:
            self._end = self._end or OvglmError("the engine is closed")
            self._changed.notify()
        self._thread.join()
        if self.scorer:
            self.scorer.close()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                self._batch.step()
            self._batch.end(None)
        except RuntimeError as error:
            what = "the runtime could not go on after an error"
            self._break(native_failure(what, error, "load the model again"))
        except BaseException:
            self._break(OvglmError("the engine ended by a bug", hint="load the model again"))
            raise

    def _wait_for_work(self) -> bool:
        """Take in new jobs, sleeping until there is something to do; False at the end."""
        with self._changed:
            while not (self._end or self._new or self._batch.has_work):
                self._changed.wait()
            while self._new:
                self._batch.add(self._new.popleft())
            return not self._end

    def _break(self, failure: OvglmError) -> None:
        """Fail all that runs and all that will come."""
        with self._changed:
            self._end = failure
            while self._new:
                self._batch.add(self._new.popleft())
        self._batch.end(failure)
