"""Runs one workload on an engine and takes the times. Knows no device and no model."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from ovglm.bench.prompts import RandomPrompts
from ovglm.bench.report import Figures, Workload
from ovglm.engine.base import Answer, Engine
from ovglm.errors import OvglmError
from ovglm.messages import Sampling

__all__ = ["RequestTimes", "measure", "run_once", "summarise"]


@dataclass(frozen=True)
class RequestTimes:
    """When one request was handed over, had its first token, and its last; in seconds."""

    start_s: float
    first_s: float
    last_s: float


def measure(
    engine: Engine,
    workload: Workload,
    prompts: RandomPrompts,
    *,
    runs: int,
    after_run: Callable[[], None] = lambda: None,
) -> Figures:
    """Run a workload once to warm up and then `runs` times; give the medians."""
    taken = []
    for _ in range(1 + runs):
        taken.append(run_once(engine, workload, prompts))
        after_run()
    return summarise(workload, taken[1:])


def run_once(engine: Engine, workload: Workload, prompts: RandomPrompts) -> list[RequestTimes]:
    """Ask everything at once and wait for all of it; the answers are exactly as long as asked."""
    sampling = Sampling(max_new_tokens=workload.output, ignore_eos=True)
    drawn = [prompts.draw(workload.prompt) for _ in range(workload.concurrency)]
    answers: list[Answer] = []
    with ThreadPoolExecutor(workload.concurrency) as readers:
        try:
            work = []
            for prompt in drawn:
                start_s = perf_counter()
                answers.append(engine.submit(prompt, sampling))
                work.append(readers.submit(_read, answers[-1], start_s, workload.output))
            return [one.result() for one in work]
        except BaseException:
            for answer in answers:
                answer.cancel()
            raise


def summarise(workload: Workload, runs: Sequence[Sequence[RequestTimes]]) -> Figures:
    """Turn the times of all runs into the workload's figures."""
    return Figures(
        workload,
        first_token_s=median(median(one.first_s - one.start_s for one in run) for run in runs),
        prompt_tokens_s=median(_prompt_speed(workload, run) for run in runs),
        request_tokens_s=(
            median(_request_speed(workload, run) for run in runs) if workload.output > 1 else None
        ),
        total_tokens_s=median(_total_speed(workload, run) for run in runs),
    )


def _read(answer: Answer, start_s: float, wanted: int) -> RequestTimes:
    first_s = last_s = 0.0
    count = 0
    for chunk in answer:
        if chunk.token_ids:
            last_s = perf_counter()
            first_s = first_s or last_s
            count += len(chunk.token_ids)
    if count != wanted:
        raise OvglmError(
            f"an answer ended after {count} tokens, not after the {wanted} that were asked for",
            hint=f"--output {max(count, 1)}, or a larger --context",
        )
    return RequestTimes(start_s, first_s, last_s)


def _prompt_speed(workload: Workload, run: Sequence[RequestTimes]) -> float:
    taken_s = max(one.first_s for one in run) - min(one.start_s for one in run)
    return workload.prompt * workload.concurrency / taken_s


def _request_speed(workload: Workload, run: Sequence[RequestTimes]) -> float:
    """Give the decode speed of the middle request."""
    return (workload.output - 1) / median(max(one.last_s - one.first_s, 1e-9) for one in run)


def _total_speed(workload: Workload, run: Sequence[RequestTimes]) -> float:
    taken_s = max(one.last_s for one in run) - min(one.start_s for one in run)
    return workload.output * workload.concurrency / taken_s
