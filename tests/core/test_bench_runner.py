"""What the runner asks of an engine, and what it makes of the times."""

from collections.abc import Sequence
from threading import Event, Thread

import pytest

from ovglm.bench.prompts import RandomPrompts, plain_ids
from ovglm.bench.report import Workload
from ovglm.bench.runner import RequestTimes, measure, run_once, summarise
from ovglm.engine.answer import QueuedAnswer
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.nano import checkpoint_folder
from ovglm.pictures import Picture
from ovglm.testing import FakeEngine
from ovglm.tokens import Tokenizer

IDS = tuple(range(100))


def test_a_workload_is_run_once_to_warm_up_and_then_as_often_as_asked() -> None:
    engine = FakeEngine(range(8))
    counted = []
    measure(
        engine, Workload(5, 8, 2), RandomPrompts(IDS), runs=3, after_run=lambda: counted.append(1)
    )
    assert len(engine.requests) == (1 + 3) * 2
    assert len(counted) == 4


def test_no_prompt_is_sent_twice_and_each_has_the_length_that_was_asked_for() -> None:
    engine = FakeEngine(range(4))
    measure(engine, Workload(6, 4, 4), RandomPrompts(IDS), runs=5)
    prompts = [prompt for prompt, _ in engine.requests]
    assert len(set(prompts)) == len(prompts) == 24
    assert {len(prompt) for prompt in prompts} == {6}


def test_answers_are_greedy_and_go_past_the_stop_ids_to_be_exactly_as_long_as_asked() -> None:
    engine = FakeEngine(range(50))
    measure(engine, Workload(3, 20, 1), RandomPrompts(IDS), runs=1)
    assert {sampling for _, sampling in engine.requests} == {
        Sampling(max_new_tokens=20, ignore_eos=True)
    }


def test_an_answer_that_ends_too_early_is_refused_with_both_numbers() -> None:
    with pytest.raises(OvglmError, match="after 7 tokens, not after the 20") as refusal:
        run_once(FakeEngine(range(7)), Workload(3, 20, 1), RandomPrompts(IDS))
    assert "--output 7" in (refusal.value.hint or "")


class FailingEngine(FakeEngine):
    """Answers the first request only when it is cancelled, and refuses the second."""

    def __init__(self) -> None:
        super().__init__([1])
        self.cancelled = Event()

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        if self.requests:
            raise OvglmError("the queue is full")
        self.requests.append((tuple(prompt_ids), sampling))

        def cancel() -> None:
            self.cancelled.set()
            answer.put(Chunk(finish_reason="cancelled"))

        answer = QueuedAnswer(cancel)
        return answer


def test_a_refused_request_cancels_the_ones_beside_it_and_is_told() -> None:
    engine = FailingEngine()
    errors: list[OvglmError] = []

    def ask() -> None:
        try:
            run_once(engine, Workload(3, 1, 2), RandomPrompts(IDS))
        except OvglmError as error:
            errors.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert engine.cancelled.is_set()
    assert "queue is full" in errors[0].message


def test_the_figures_of_one_run_follow_from_its_times() -> None:
    run = [RequestTimes(0.0, 0.5, 1.5), RequestTimes(0.0, 1.0, 2.0)]
    figures = summarise(Workload(100, 11, 2), [run])
    assert figures.first_token_s == pytest.approx(0.75)
    assert figures.prompt_tokens_s == pytest.approx(200 / 1.0)
    assert figures.request_tokens_s == pytest.approx(10 / 1.0)
    assert figures.total_tokens_s == pytest.approx(22 / 2.0)


def test_the_median_of_the_runs_counts_and_not_their_mean() -> None:
    runs = [[RequestTimes(0.0, first, first + 1)] for first in (0.1, 0.2, 30.0)]
    assert summarise(Workload(10, 2, 1), runs).first_token_s == pytest.approx(0.2)


def test_an_answer_of_one_token_has_no_decode_speed() -> None:
    figures = summarise(Workload(10, 1, 1), [[RequestTimes(0.0, 0.5, 0.5)]])
    assert figures.request_tokens_s is None
    assert figures.total_tokens_s == pytest.approx(2.0)


def test_the_same_seed_draws_the_same_prompts_and_another_one_others() -> None:
    assert RandomPrompts(IDS, 1).draw(16) == RandomPrompts(IDS, 1).draw(16)
    assert RandomPrompts(IDS, 1).draw(16) != RandomPrompts(IDS, 2).draw(16)


def test_more_prompts_than_there_can_be_are_refused() -> None:
    prompts = RandomPrompts((7, 8))
    assert {prompts.draw(1), prompts.draw(1)} == {(7,), (8,)}
    with pytest.raises(OvglmError, match="only 2 different prompts of 1 tokens"):
        prompts.draw(1)


def test_prompts_are_made_of_ordinary_tokens_only() -> None:
    tokenizer = Tokenizer.load(checkpoint_folder())
    ids = plain_ids(tokenizer)
    assert len(ids) > 200
    assert not {tokenizer.token_id(token) for token in tokenizer.controls} & set(ids)
    assert all(tokenizer.token_bytes(one) for one in ids)
