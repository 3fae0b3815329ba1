"""The answers that one paged pipeline makes side by side. Knows no thread: one of them uses it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any

import numpy as np
import openvino
import openvino_genai

from ovglm.engine.config import to_config
from ovglm.engine.job import Job
from ovglm.engine.limits import Limits
from ovglm.engine.native import native_failure
from ovglm.engine.prefixes import Prefixes, Reading
from ovglm.errors import OvglmError

__all__ = ["Batch"]

# How long a step waits for readers: it keeps the GIL, so they would get its tokens a step late.
_READERS_S = 0.002
_HINT = "ovglm doctor"
# With these the pipeline has freed a run's pages already.
_FREED = (openvino_genai.GenerationStatus.FINISHED, openvino_genai.GenerationStatus.IGNORED)


@dataclass(eq=False)
class _Run:
    """One part of a job in the pipeline.

    made: the ids that were given out. seen: how many ids came since the last start.
    is_suspect: it may be what made a step fail. reading: its pages in the cache.
    """

    job: Job
    part: int
    made: list[int] = field(default_factory=list)
    seen: int = 0
    is_suspect: bool = False
    handle: Any = None
    reading: Reading | None = None


class Batch:
    """Answers under way; each `step` makes the next token of all of them.

    A step that fails, or finds no room in the cache, does not say which answer is to blame. So
    those it hurt are started again one by one, from the same seeds, each alone to its end: the
    one to blame fails again, the others go on where they were.
    """

    def __init__(
        self,
        pipeline: openvino_genai.ContinuousBatchingPipeline,
        limits: Limits,
        extras: Mapping[str, int],
        prefixes: Prefixes | None = None,
    ) -> None:
        """extras: fields of every request's GenerationConfig."""
        # Any: the stub's type cannot be None, which it is at the end
        self._pipeline: Any = pipeline
        self._limits = limits
        self._extras = dict(extras)
        self._prefixes = prefixes
        self._running: list[_Run] = []
        self._suspects: deque[_Run] = deque()
        self._waiting: deque[_Run] = deque()
        self._numbers = count()

    @property
    def sizes(self) -> tuple[int, int]:
        """How many answers run, and how many wait for their turn."""
        running = sum(not run.job.is_over for run in self._running)
        return running, len(self._suspects) + len(self._waiting)

    @property
    def cache(self) -> tuple[float, int]:
        """The share of the KV cache that was in use at the last step, and its size in bytes."""
        if self._pipeline is None:
            return 0.0, 0
        metrics = self._pipeline.get_metrics()
        return metrics.cache_usage / 100, metrics.cache_size_in_bytes

    @property
    def has_work(self) -> bool:
        """Whether there is anything to step for, be it the freeing of a cancelled answer."""
        has_runs = self._running or self._suspects or self._waiting
        return bool(has_runs) or self._pipeline.has_non_finished_requests()

    def add(self, job: Job) -> None:
        """Take in a job; its first part starts with the next step."""
        self._waiting.append(_Run(job, 0))

    def step(self) -> None:
        """Make the next tokens and give them to their readers."""
        self._drop_cancelled()
        self._start_runs()
        if not self._pipeline.has_non_finished_requests():
            return
        try:
            self._step()
        except RuntimeError as error:
            self._isolate(error)
            return
        stepped = self._running
        for run in stepped:
            run.job.answer.hold()
        is_alone = len(stepped) == 1
        self._running = [run for run in stepped if self._goes_on(run, is_alone)]
        until = perf_counter() + _READERS_S
        for run in stepped:
            run.job.answer.release(until)

    def end(self, error: BaseException | None) -> None:
        """End all jobs, as cancelled or with an error, and let go of the pipeline."""
        runs = [*self._running, *self._suspects, *self._waiting]
        for run in runs:
            run.handle = None if run.handle is None else run.handle.cancel()
            if error is None:
                run.job.is_cancelled = True
                run.job.finish_all("cancelled")
            else:
                run.job.fail(error)
        self._running, self._suspects, self._waiting = [], deque(), deque()
        if error is None:
            self._purge()
        self._pipeline = None

    def _drop_cancelled(self) -> None:
        for run in (*self._running, *self._suspects, *self._waiting):
            if run.job.is_cancelled:
                run.job.finish_all("cancelled")
        for run in self._running:
            if run.job.is_over:
                self._cancel(run)
        self._running = [run for run in self._running if not run.job.is_over]
        self._suspects = deque(run for run in self._suspects if not run.job.is_over)
        self._waiting = deque(run for run in self._waiting if not run.job.is_over)

    def _start_runs(self) -> None:
        if self._suspects:
            if not self._running:
                self._start_first_of(self._suspects)
            return
        if any(run.is_suspect for run in self._running):
            return
        while self._waiting:
            self._start_first_of(self._waiting)

    def _start_first_of(self, runs: "deque[_Run]") -> None:
        self._start(runs[0])
        runs.popleft()

    def _start(self, run: _Run) -> None:
        job = run.job
        seed = job.seeds.of(run.part)
        config = to_config(job.sampling, self._limits, len(job.prompt_ids), seed, job.structure)
        for name, value in self._extras.items():
            setattr(config, name, value)
        ids = openvino.Tensor(np.asarray([job.prompt_ids], dtype=np.int64))
        try:
            run.handle = self._pipeline.add_request(next(self._numbers), ids, config)
        except RuntimeError as error:
            job.fail(native_failure("the runtime refused this request", error, _HINT))
        else:
            if self._prefixes is not None:
                run.reading, cached = self._prefixes.begin(run.job.prompt_ids)
                if not run.made:
                    run.job.note_cached(run.part, cached)
            self._running.append(run)

    def _step(self) -> None:
        """Let the pipeline make a step, and do the same to what is known of its cache."""
        try:
            self._pipeline.step()
        finally:
            if self._prefixes is not None:
                self._prefixes.step(self._pipeline.get_metrics().cache_usage)
        if self._prefixes is not None:
            runs = [(run.reading, run.handle.get_status()) for run in self._running if run.reading]
            self._prefixes.end_step([one for one, status in runs if status in _FREED])

    def _cancel(self, run: _Run) -> None:
        """End a run in the pipeline, which frees its pages at its next step."""
        run.handle.cancel()
        if run.reading is not None:
            run.reading.is_cancelled = True

    def _goes_on(self, run: _Run, is_alone: bool) -> bool:
        """Give out what a run made; say whether it goes on."""
        if run.job.is_over:  # another part of it failed
            self._cancel(run)
            return False
        status = run.handle.get_status()
        is_over = False
        while not is_over and run.handle.can_read():
            for output in run.handle.read().values():
                is_over = self._push(run, output.generated_ids, output.generated_log_probs)
        if is_over:
            self._cancel(run)
        elif status == openvino_genai.GenerationStatus.IGNORED:
            if is_alone:
                run.job.fail(_full_cache(run))
            else:
                self._suspect(run)
        elif status == openvino_genai.GenerationStatus.FINISHED:
            run.job.finish(run.part, "length")
        elif not run.job.is_over:
            return True
        return False

    def _push(self, run: _Run, ids: list[int], logprobs: list[float]) -> bool:
        """Give out ids, but none a second time; say whether the run is over."""
        known = run.made[run.seen : run.seen + len(ids)]
        again = len(known)
        if ids[:again] != known:
            run.job.fail(OvglmError("a step of the runtime failed, and this answer came out anew"))
            return True
        if not run.made and run.part == 0 and ids:
            # the others find the prompt in the prefix cache now
            self._waiting.extend(_Run(run.job, part) for part in range(1, run.job.parts))
        if self._prefixes is not None and run.reading is not None:
            self._prefixes.add(run.reading, ids)
        run.seen += len(ids)
        run.made += ids[again:]
        return run.job.push(run.part, ids[again:], logprobs[again:])

    def _isolate(self, error: RuntimeError) -> None:
        """Start all over again; a run that was alone has failed."""
        runs, self._running = self._running, []
        for run in runs:
            self._cancel(run)
        self._purge()
        if len(runs) == 1:
            runs[0].job.fail(native_failure("the runtime failed to answer", error, _HINT))
            return
        for run in runs:
            self._suspect(run)

    def _suspect(self, run: _Run) -> None:
        run.seen, run.is_suspect = 0, True
        self._suspects.append(run)

    def _purge(self) -> None:
        """Let the pipeline free what was cancelled. Raises RuntimeError where it is broken."""
        while self._pipeline.has_non_finished_requests():
            self._step()


def _full_cache(run: _Run) -> OvglmError:
    return OvglmError(
        f"the KV cache is too small for this request of {len(run.job.prompt_ids)} prompt and "
        f"{len(run.made)} answer tokens",
        hint="a larger --context, or a shorter prompt",
    )
