"""What every engine promises, held against both of them on a model that counts."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from counting_model import STOP_ID, WIDTH, counting_facts, make_placement, write_counting_model
from ovglm.devices.device import Device
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.testing import FakeEngine
from ovglm.tokens import Tokenizer

ALPHABET = "abcdefghijklmnopqrstuvwxyz你 !?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_counting_model(tmp_path_factory.mktemp("counting"))


@pytest.fixture(scope="module", params=["paged", "static"])
def engine(folder: Path, request: pytest.FixtureRequest) -> Iterator[LocalEngine]:
    placement = make_placement(request.param)
    engine = build_engine(counting_facts(folder), placement, Tokenizer.load(folder))
    yield engine
    engine.close()


def collect(chunks: Iterable[Chunk]) -> tuple[list[int], str, str | None]:
    """Put one answer together: its ids, its text, its reason."""
    ids: list[int] = []
    text, reason = "", None
    for chunk in chunks:
        assert reason is None, "nothing may follow the chunk with the reason"
        ids.extend(chunk.token_ids)
        text += chunk.text
        reason = chunk.finish_reason
    return ids, text, reason


def test_a_stop_id_ends_the_answer_and_is_not_part_of_it(engine: LocalEngine) -> None:
    assert collect(engine.submit([3, 16], Sampling())) == ([17, 18, 19], "rst", "stop")


def test_every_stop_id_counts_not_only_the_first(engine: LocalEngine) -> None:
    assert collect(engine.submit([28], Sampling())) == ([29, 30], " !", "stop")


def test_the_token_limit_ends_the_answer(engine: LocalEngine) -> None:
    answer = engine.submit([3], Sampling(max_new_tokens=4))
    assert collect(answer) == ([4, 5, 6, 7], "efgh", "length")


def test_an_answer_that_ends_at_the_limit_and_at_a_stop_id_has_stopped(engine: LocalEngine) -> None:
    assert collect(engine.submit([17], Sampling(max_new_tokens=3))) == ([18, 19], "st", "stop")


def test_a_prompt_before_a_stop_id_gives_an_empty_answer(engine: LocalEngine) -> None:
    assert collect(engine.submit([STOP_ID - 1], Sampling())) == ([], "", "stop")


def test_stop_ids_are_tokens_like_others_where_they_are_ignored(engine: LocalEngine) -> None:
    answer = engine.submit([18], Sampling(max_new_tokens=3, ignore_eos=True))
    assert collect(answer) == ([19, 20, 21], "tuv", "length")


def test_text_comes_in_whole_characters(engine: LocalEngine) -> None:
    chunks = list(engine.submit([25], Sampling(max_new_tokens=3)))
    assert [chunk.text for chunk in chunks if chunk.text] == ["你"]
    assert sum(len(chunk.token_ids) for chunk in chunks) == 3


def test_a_cut_character_is_shown_as_damaged(engine: LocalEngine) -> None:
    ids, text, reason = collect(engine.submit([25], Sampling(max_new_tokens=2)))
    assert (ids, text, reason) == ([26, 27], "\ufffd", "length")


def test_a_stop_text_across_tokens_never_shows(engine: LocalEngine) -> None:
    chunks = list(engine.submit([2], Sampling(stop=("fgh",))))
    assert "".join(chunk.text for chunk in chunks) == "de"
    assert chunks[-1].finish_reason == "stop"


def test_a_stop_text_inside_the_bytes_of_a_character_never_shows(engine: LocalEngine) -> None:
    ids, text, reason = collect(engine.submit([24], Sampling(stop=("你",))))
    assert (ids, text, reason) == ([25, 26, 27, 28], "z", "stop")


def test_the_first_id_comes_before_the_answer_is_complete(engine: LocalEngine) -> None:
    answer = iter(engine.submit([1], Sampling(max_new_tokens=400, ignore_eos=True)))
    assert next(answer) == Chunk((2,), "c")
    assert engine.counters.running == 1
    assert sum(len(chunk.token_ids) for chunk in answer) == 399


def test_leaving_an_answer_early_ends_its_request(engine: LocalEngine) -> None:
    before = engine.counters.cancelled
    for _ in engine.submit([21], Sampling(max_new_tokens=400, ignore_eos=True)):
        break
    assert collect(engine.submit([5], Sampling(max_new_tokens=1)))[0] == [6]
    assert engine.counters.cancelled == before + 1


def test_a_cancelled_answer_says_so(engine: LocalEngine) -> None:
    answer = engine.submit([0], Sampling(max_new_tokens=400, ignore_eos=True))
    chunks = iter(answer)
    next(chunks)
    answer.cancel()
    answer.cancel()
    assert collect(chunks)[2] == "cancelled"


def test_answers_can_be_read_in_coroutines(engine: LocalEngine) -> None:
    async def read(start: int) -> list[int]:
        answer = engine.submit([start], Sampling(max_new_tokens=5, ignore_eos=True))
        return [token async for chunk in answer for token in chunk.token_ids]

    async def read_all() -> list[list[int]]:
        return list(await asyncio.gather(*map(read, range(4))))

    assert asyncio.run(read_all()) == [list(range(at + 1, at + 6)) for at in range(4)]


def test_the_context_bounds_prompt_and_answer_together(engine: LocalEngine) -> None:
    prompt = [1] * (engine.info.context - 3)
    ids, _, reason = collect(engine.submit(prompt, Sampling(ignore_eos=True)))
    assert (len(ids), reason) == (3, "length")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ([], "empty"),
        ([1, WIDTH], f"token id {WIDTH}"),
        ([-1], "token id -1"),
        ([1] * 600, "600 tokens; the longest that this engine takes has 511"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_once(
    engine: LocalEngine, prompt: list[int], words: str
) -> None:
    before = engine.counters
    with pytest.raises(OvglmError, match=words):
        engine.submit(prompt, Sampling())
    assert engine.counters == before


def test_an_engine_counts_what_it_does(engine: LocalEngine) -> None:
    before = engine.counters
    collect(engine.submit([3, 16], Sampling()))
    after = engine.counters
    assert after.submitted == before.submitted + 1
    assert after.finished == before.finished + 1
    assert after.prompt_tokens == before.prompt_tokens + 2
    assert after.generated_tokens == before.generated_tokens + 3
    assert after.failed == before.failed


@pytest.mark.parametrize("kind", ["paged", "static"])
def test_closing_ends_what_runs_and_refuses_the_rest(folder: Path, kind: str) -> None:
    engine = build_engine(counting_facts(folder), make_placement(kind), Tokenizer.load(folder))
    running = engine.submit([1], Sampling(max_new_tokens=400, ignore_eos=True))
    waiting = engine.submit([2], Sampling(max_new_tokens=400, ignore_eos=True))
    engine.close()
    engine.close()
    assert collect(running)[2] == "cancelled"
    assert collect(waiting)[2] == "cancelled"
    assert engine.counters.cancelled == 2
    with pytest.raises(OvglmError, match="closed"):
        engine.submit([1], Sampling())


@pytest.mark.parametrize("kind", ["paged", "static"])
def test_a_bug_in_the_engine_ends_every_answer_and_keeps_its_traceback(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: Queue[threading.ExceptHookArgs] = Queue()
    monkeypatch.setattr(threading, "excepthook", died.put)
    module = "batch" if kind == "paged" else "static"
    monkeypatch.setattr(f"ovglm.engine.{module}.to_config", lambda *_: 1 / 0)
    engine = build_engine(counting_facts(folder), make_placement(kind), Tokenizer.load(folder))
    with pytest.raises(OvglmError, match="ended by a bug"):
        collect(engine.submit([1], Sampling()))
    assert died.get(timeout=10).exc_type is ZeroDivisionError
    with pytest.raises(OvglmError):
        engine.submit([1], Sampling())
    engine.close()


def test_a_model_without_stop_ids_is_refused(folder: Path) -> None:
    facts = replace(counting_facts(folder), stop_ids=())
    with pytest.raises(OvglmError, match="no stop id"):
        build_engine(facts, make_placement(), Tokenizer.load(folder))


def test_a_device_that_is_gone_is_an_error_that_names_it(folder: Path) -> None:
    gone = replace(make_placement(), device=Device("GPU.7", "a vanished GPU", "discrete GPU"))
    with pytest.raises(OvglmError, match=r"GPU\.7 \(a vanished GPU\) could not load") as caught:
        build_engine(counting_facts(folder), gone, Tokenizer.load(folder))
    assert "\n" not in caught.value.message


def test_the_fake_engine_ends_as_a_real_one_does() -> None:
    fake = FakeEngine([7, 8, 9])
    assert collect(fake.submit([1], Sampling())) == ([7, 8, 9], "", "stop")
    assert collect(fake.submit([1], Sampling(max_new_tokens=2))) == ([7, 8], "", "length")
    assert [prompt for prompt, _ in fake.requests] == [(1,), (1,)]
