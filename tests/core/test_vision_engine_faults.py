"""What the engine that sees refuses, how it is cancelled, and that it goes on after faults."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import pytest

from ovglm.engine.limits import QUEUE_LENGTH
from ovglm.engine.vision.engine import VisionEngine
from ovglm.engine.vision.parts import LanguageModel, Tower
from ovglm.engine.worker import start_worker
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import Constraint, Sampling
from ovglm.pictures import Picture
from ovglm.recipe import Recipe
from tiny_vision import BEGIN_ID, END_ID, Layout
from vision_asking import EXACT, ask, ids_of, load_vision, make_picture
from vision_exports import VisionExports
from vision_runner import make_prompt

LONG: dict[str, Any] = {"max_new_tokens": 400}
WAIT_S = 30.0


@pytest.fixture(scope="module")
def engine(vision: VisionExports) -> Iterator[VisionEngine]:
    with closing(load_vision(vision.export())) as engine:
        yield engine


@pytest.fixture
def layout(vision: VisionExports) -> Layout:
    return vision.layout


@pytest.fixture
def picture(engine: VisionEngine) -> Picture:
    assert engine.info.vision
    return make_picture(engine.info.vision)


@pytest.fixture
def prompt(engine: VisionEngine, layout: Layout) -> list[int]:
    assert engine.info.vision
    return make_prompt(layout, engine.info.vision.vectors)


def refuse(engine: VisionEngine, words: str, ids: list[int], *pictures: Picture) -> OvglmError:
    with pytest.raises(RequestError, match=words) as caught:
        engine.submit(ids, Sampling(), pictures)
    assert "\n" not in caught.value.message
    return caught.value


def test_a_placeholder_without_its_picture_is_refused(
    engine: VisionEngine, prompt: list[int]
) -> None:
    assert refuse(engine, "stands for a picture, and none came", prompt).hint


def test_a_picture_without_its_placeholder_is_refused(
    engine: VisionEngine, picture: Picture
) -> None:
    refuse(engine, "does not hold the . placeholder tokens of 1 picture", [1, 2, 3], picture)


def test_half_a_placeholder_is_refused(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    at = prompt.index(BEGIN_ID)
    refuse(engine, "placeholder tokens", [*prompt[:at], BEGIN_ID, 1, 2, 3], picture)
    refuse(engine, "placeholder tokens", [*prompt, BEGIN_ID], picture)
    refuse(engine, "placeholder tokens", [BEGIN_ID, 5], picture)


def test_an_end_without_a_beginning_is_a_token_like_others(engine: VisionEngine) -> None:
    assert len(ids_of(ask(engine, [1, END_ID, 2]))) == 12


def test_more_pictures_than_the_family_takes_are_refused(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    error = refuse(engine, "2 pictures, and the model takes 1", prompt * 2, picture, picture)
    assert error.hint


def test_a_picture_for_another_tower_is_refused(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    small = replace(picture, pixels=picture.pixels[:28, :28])
    refuse(engine, r"shape \(28, 28, 3\), and the model takes \(56, 56, 3\)", prompt, small)


def test_a_schema_is_refused_by_name(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    held = Sampling(constraint=Constraint("json_schema", '{"type": "object"}'))
    with pytest.raises(RequestError, match="JSON schema"):
        engine.submit(prompt, held, [picture])


def test_a_picture_counts_with_all_its_vectors_against_the_longest_prompt(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    assert engine.info.vision
    room = 511 - 5 - 7 - engine.info.vision.vectors
    longest = [*[3] * room, *prompt]
    assert len(ids_of(ask(engine, longest, picture, max_new_tokens=5))) == 1
    refuse(engine, "512 tokens; the longest that this engine takes has 511", [3, *longest], picture)


def test_empty_prompts_and_foreign_ids_are_refused(engine: VisionEngine) -> None:
    refuse(engine, "the prompt is empty", [])
    refuse(engine, "token id 320 is not one of the model's", [1, 320])


def test_cancelling_an_answer_leaves_the_engine_usable(
    engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    wanted = ids_of(ask(engine, prompt, picture))
    answer = engine.submit(prompt, Sampling(**LONG, ignore_eos=True), [picture])
    chunks = iter(answer)
    next(chunks)
    answer.cancel()
    assert list(chunks)[-1].finish_reason == "cancelled"
    assert ids_of(ask(engine, prompt, picture)) == wanted


def test_a_reader_that_leaves_ends_the_answer(engine: VisionEngine, prompt: list[int]) -> None:
    before = engine.counters.cancelled

    async def leave() -> None:
        async for _ in engine.submit([1, 2], Sampling(**LONG, ignore_eos=True)):
            break

    asyncio.run(leave())
    ask(engine, [1], max_new_tokens=1)
    assert engine.counters.cancelled == before + 1


def test_a_prompt_is_cancelled_between_its_steps(
    vision: VisionExports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is lost: the next prompt goes on behind the steps that were read."""
    monkeypatch.setattr("ovglm.engine.vision.build.STEP_TOKENS", 50)
    with closing(load_vision(vision.export())) as engine:
        steps: list[int] = []
        go_on = LanguageModel.go_on
        answers: list[Any] = []
        started = Event()

        def counted(self: LanguageModel, embeds: np.ndarray, positions: np.ndarray) -> np.ndarray:
            steps.append(len(embeds))
            started.wait(WAIT_S)
            if len(steps) == 3:
                answers[0].cancel()
            return go_on(self, embeds, positions)

        monkeypatch.setattr(LanguageModel, "go_on", counted)
        ids = [number % 250 for number in range(500)]
        answers.append(engine.submit(ids, Sampling()))
        started.set()
        assert [chunk.finish_reason for chunk in answers[0]] == ["cancelled"]
        assert steps == [50, 50, 50]
        assert ask(engine, ids[:200])[0].cached_tokens == 150


def test_the_tower_is_cancelled_while_it_runs(
    engine: VisionEngine, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request is asked again and again whether it is done; here it never says so."""
    assert engine.info.vision
    asked: list[str] = []

    class Endless:
        def start_async(self, *_: Any, **__: Any) -> None:
            asked.append("start")

        def wait_for(self, _: int) -> bool:
            if len(asked) == 3:
                answers[0].cancel()
            asked.append("look")
            return False

        def cancel(self) -> None:
            asked.append("cancel")

        def wait(self) -> None:
            raise RuntimeError("Infer Request was canceled")

    run = Tower._run
    go = Event()

    def endless(self: Tower, *given: Any) -> np.ndarray:
        go.wait(WAIT_S)
        with monkeypatch.context() as patch:
            patch.setattr(self, "_request", Endless())
            return run(self, *given)

    answers: list[Any] = []
    picture = make_picture(engine.info.vision, 1234)
    with monkeypatch.context() as patch:
        patch.setattr(Tower, "_run", endless)
        answers.append(engine.submit(prompt, Sampling(), [picture]))
        go.set()
        assert [chunk.finish_reason for chunk in answers[0]] == ["cancelled"]
    assert asked == ["start", "look", "look", "look", "cancel"]
    assert len(ids_of(ask(engine, prompt, picture))) == 12


def test_a_fault_of_the_runtime_ends_one_answer_and_what_was_read_is_forgotten(
    engine: VisionEngine, prompt: list[int], picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ids_of(ask(engine, prompt, picture))

    def fail(*_: Any) -> None:
        raise RuntimeError("Exception from src/cpp:\nthe device was lost")

    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "go_on", fail)
        with pytest.raises(OvglmError, match="failed to answer: the device was lost") as caught:
            ask(engine, prompt, picture)
        assert caught.value.hint == "ovglm doctor"
    again = ask(engine, prompt, picture)
    assert again[0].cached_tokens == 0
    assert ids_of(again) == wanted


def test_a_bug_in_one_answer_leaves_the_engine_usable(
    engine: VisionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ovglm.engine.job.AnswerText.push", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ask(engine, [5])
    assert len(ids_of(ask(engine, [5]))) == 12


def test_a_full_queue_refuses_and_closing_cancels_what_waits(vision: VisionExports) -> None:
    engine = load_vision(vision.export())
    running = engine.submit([1], Sampling(**LONG, ignore_eos=True))
    next(iter(running))
    waiting = []
    with suppress(OvglmError):
        waiting += [engine.submit([2], Sampling(**LONG)) for _ in range(QUEUE_LENGTH + 1)]
    with pytest.raises(OvglmError, match=f"{QUEUE_LENGTH} requests wait for CPU"):
        while True:
            waiting.append(engine.submit([2], Sampling(**LONG)))
    engine.close()
    engine.close()
    assert all(list(one)[-1].finish_reason == "cancelled" for one in waiting)
    with pytest.raises(OvglmError, match="the engine is closed"):
        engine.submit([1], Sampling())


def test_a_worker_process_sees_the_same(
    vision: VisionExports, engine: VisionEngine, prompt: list[int], picture: Picture
) -> None:
    wanted = ids_of(ask(engine, prompt, picture))
    worker = start_worker(vision.export(Recipe("int8")), "CPU", EXACT, say=lambda text: None)
    with closing(worker):
        assert worker.info.vision == engine.info.vision
        assert (worker.info.kind, worker.info.vision_device) == ("vision", "CPU")
        assert ids_of(ask(worker, prompt, picture)) == wanted
        with pytest.raises(RequestError, match="none came"):
            ask(worker, prompt)
        again = ask(worker, prompt, picture)
        assert again[0].cached_tokens == 5 + len(picture_places(engine)) + 7 - 1
        assert worker.counters.prompt_tokens == engine_places(engine, prompt)


def picture_places(engine: VisionEngine) -> range:
    assert engine.info.vision
    return range(engine.info.vision.vectors)


def engine_places(engine: VisionEngine, prompt: list[int]) -> int:
    """Two prompts with their picture, and one that was refused without."""
    return 2 * (5 + len(picture_places(engine)) + 7) + len(prompt)
