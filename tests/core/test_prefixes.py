"""What is worked out of the cache against what the runtime does: how many steps a prompt takes.

A step reads so many tokens of a prompt at most, so their number tells how many were found.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import openvino_genai
import pytest

from nano_placement import nano_facts
from ovglm.engine.batch import Batch
from ovglm.engine.job import Job
from ovglm.engine.limits import Limits
from ovglm.engine.prefixes import Prefixes
from ovglm.engine.tally import Tally
from ovglm.messages import Chunk, Sampling
from ovglm.tokens import Tokenizer

PAGE = 32


class Lab:
    """One pipeline with a small cache, which is stepped by hand."""

    def __init__(self, nano: Path, pages: int, step: int, seed: int) -> None:
        facts = nano_facts(nano)
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.num_kv_blocks = pages
        scheduler.max_num_batched_tokens = self.step = step
        scheduler.enable_prefix_caching = True
        pipeline = openvino_genai.ContinuousBatchingPipeline(str(nano), scheduler, "CPU", {})
        self.longest = pages * PAGE // 2
        self.random = Random(seed)
        self.limits = Limits(2048, 2047, facts.vocabulary, frozenset(facts.stop_ids))
        self.tokenizer = Tokenizer.load(nano)
        self.batch = Batch(pipeline, self.limits, {}, Prefixes(PAGE, pages, step))
        self.seen: list[list[int]] = [self.ids(300), self.ids(77)]

    def ids(self, count: int) -> list[int]:
        """Make up a text."""
        return self.random.choices(range(300, 2000), k=count)

    def prompt(self) -> list[int]:
        """Make up a prompt, which begins as one that was seen."""
        old = self.random.choice(self.seen)
        kept = old[: self.random.randint(1, len(old))] if self.random.random() < 0.5 else old
        return [*kept, *self.ids(self.random.randint(0, 40))][: self.longest]

    def add(self, prompt: Sequence[int], sampling: Sampling) -> Job:
        """Ask."""
        job = Job(prompt, sampling, self.tokenizer, self.limits, Tally())
        self.batch.add(job)
        return job

    def crowd(self, most: int) -> None:
        """Answer many questions side by side, of which some are given up and some fail."""
        pick, jobs = self.random, list[Job]()
        for _ in range(40):
            if sum(not job.is_over for job in jobs) < most and pick.random() < 0.5:
                temperature, n = pick.choice([0.0, 1.0]), pick.choice([1, 1, 2])
                sampling = Sampling(pick.randint(1, 60), temperature, n=n, seed=7, stop=("e",))
                jobs.append(self.add(self.prompt(), sampling))
                if pick.random() < 0.04:  # the runtime finds out in the middle of a step
                    broken = openvino_genai.StructuredOutputConfig(grammar="root ::= [z-a]\n")
                    jobs[-1].structure = broken
            if jobs and pick.random() < 0.06:
                pick.choice(jobs).cancel()
            self.batch.step()
        self.rest()
        for job in jobs:
            answer = [token for chunk in chunks_of(job) for token in chunk.token_ids]
            self.seen.append([*job.prompt_ids, *answer][: self.longest])
        del self.seen[:-30]

    def rest(self) -> None:
        """Come to an end."""
        while self.batch.has_work:
            self.batch.step()

    def probe(self) -> tuple[int, int, int]:
        """Ask alone; give the prompt's length, what is said to be found, and the steps it took."""
        prompt = self.prompt()
        job, steps = self.add(prompt, Sampling(2, ignore_eos=True)), 0
        while not any(chunk.token_ids for chunk in chunks_of(job)):
            self.batch.step()
            steps += 1
        self.rest()
        return len(prompt), sum(chunk.cached_tokens for chunk in chunks_of(job)), steps


def chunks_of(job: Job) -> Iterator[Chunk]:
    """Give what came; errors are left out."""
    return (item for item in list(job.answer._items) if isinstance(item, Chunk))


@pytest.mark.parametrize(
    ("pages", "step", "most", "seed"),
    [(24, 1, 4, 1), (20, 33, 12, 2), (60, 512, 12, 3), (28, 7, 8, 4), (300, 16, 6, 5)],
)
def test_what_is_said_to_be_found_is_what_the_runtime_does_not_read(
    nano: Path, pages: int, step: int, most: int, seed: int
) -> None:
    lab, found = Lab(nano, pages, step, seed), 0
    for _ in range(8):
        lab.crowd(most)
        for _ in range(4):
            length, cached, steps = lab.probe()
            assert steps == -(-(length - cached) // step)
            found += cached > 0
    assert found >= 4
    lab.batch.end(None)


def test_nothing_is_said_once_the_runtime_tells_another_use_of_its_cache() -> None:
    prefixes = Prefixes(PAGE, 10, 512)
    prompt = list(range(70))
    reading, found = prefixes.begin(prompt)
    prefixes.step(30.0)
    prefixes.end_step([reading])
    assert found == 0
    reading, found = prefixes.begin(prompt)
    assert found == 69
    prefixes.step(20.0)
    prefixes.end_step([reading])
    assert prefixes.begin(prompt)[1] == 0
