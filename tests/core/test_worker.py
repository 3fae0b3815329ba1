"""A worker process that works: loading, answering, refusing, cancelling, closing."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from ovglm.devices.options import RuntimeOptions
from ovglm.engine.worker import WorkerEngine, WorkerSettings, start_worker
from ovglm.errors import FolderError, OvglmError
from ovglm.messages import Chunk, Sampling
from worker_fakes import remote

ECHO = WorkerSettings(factory="worker_fakes:echoing", heartbeat_s=0.05)
DRIVEN = WorkerSettings(factory="worker_fakes:driven", heartbeat_s=0.05)
ROOT = Path(__file__).parents[2]


@contextmanager
def _loaded(folder: Path) -> Iterator[tuple[Connection, WorkerEngine]]:
    """A worker whose engine does what it is told through the connection."""
    with (
        remote(folder) as far,
        closing(start_worker(folder, settings=DRIVEN, wait=False)) as engine,
    ):
        worker = far.next_worker()
        worker.recv()
        worker.send("load")
        yield worker, engine


def _start(folder: Path, factory: str) -> WorkerEngine:
    return start_worker(folder, settings=WorkerSettings(factory=f"worker_fakes:{factory}"))


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerEngine]:
    """A worker whose engine repeats prompts."""
    with closing(start_worker(tmp_path_factory.mktemp("model"), "CPU", settings=ECHO)) as engine:
        yield engine


def test_an_answer_arrives_chunk_by_chunk(echo: WorkerEngine) -> None:
    chunks = list(echo.submit([5, 6], Sampling()))
    assert chunks == [Chunk((5,)), Chunk((6,)), Chunk(finish_reason="stop")]


def test_an_answer_can_be_read_in_an_event_loop(echo: WorkerEngine) -> None:
    async def read() -> list[Chunk]:
        return [chunk async for chunk in echo.submit([5], Sampling(max_new_tokens=1))]

    assert asyncio.run(read()) == [Chunk((5,)), Chunk(finish_reason="stop")]


def test_sixteen_requests_get_their_own_answers(echo: WorkerEngine) -> None:
    prompts = [[20 + number] * (number + 1) for number in range(16)]
    answers = [echo.submit(prompt, Sampling(n=2)) for prompt in prompts]
    for prompt, answer in zip(prompts, answers, strict=True):
        chunks = list(answer)
        for index in range(2):
            ids = [one for chunk in chunks if chunk.index == index for one in chunk.token_ids]
            assert ids == prompt


def test_a_prompt_may_be_an_array_of_numpy(echo: WorkerEngine) -> None:
    prompt: Any = np.arange(20, 23)
    assert [chunk.token_ids for chunk in echo.submit(prompt, Sampling())][:3] == [
        (20,),
        (21,),
        (22,),
    ]


def test_a_prompt_may_be_larger_than_the_pipe(tmp_path: Path) -> None:
    with (
        remote(tmp_path) as far,
        closing(start_worker(tmp_path, settings=DRIVEN, wait=False)) as engine,
    ):
        worker = far.next_worker()
        worker.recv()
        prompt = list(range(1_000_000))
        answer = engine.submit(prompt, Sampling())
        worker.send("load")
        assert worker.recv() == ("submitted", prompt)
        worker.send(("finish",))
        assert [chunk.finish_reason for chunk in answer] == ["stop"]


def test_the_info_is_the_engine_s(echo: WorkerEngine) -> None:
    assert (echo.info.model, echo.info.context, echo.info.device) == ("fake", 100, "CPU")
    assert (echo.state, echo.why) == ("ready", "")


def test_the_worker_is_told_folder_device_and_options(tmp_path: Path) -> None:
    said: list[str] = []
    options = RuntimeOptions(context=64, properties=(("KEY", "1"),), draft=tmp_path)
    with closing(start_worker(tmp_path, "GPU", options, say=said.append, settings=ECHO)):
        assert said == [f"{tmp_path.name} on GPU with {options!r}"]


@pytest.mark.parametrize(("prompt", "words"), [([], "empty"), ([1] * 100, "100 tokens")])
def test_empty_and_too_long_prompts_are_refused_at_once(
    echo: WorkerEngine, prompt: list[int], words: str
) -> None:
    with pytest.raises(OvglmError, match=words) as caught:
        echo.submit(prompt, Sampling())
    assert caught.value.hint


def test_a_refusal_of_the_engine_crosses_with_its_hint(echo: WorkerEngine) -> None:
    with pytest.raises(OvglmError, match="13 is outside the vocabulary") as caught:
        list(echo.submit([13], Sampling()))
    assert caught.value.hint == "another prompt"


def test_a_bug_in_one_request_ends_only_that_one(
    echo: WorkerEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    bad, good = echo.submit([66], Sampling()), echo.submit([5], Sampling())
    with pytest.raises(OvglmError, match="ZeroDivisionError: 66 meets a bug"):
        list(bad)
    assert len(list(good)) == 2
    assert echo.state == "ready"


def test_too_many_open_requests_are_refused(tmp_path: Path) -> None:
    settings = WorkerSettings(factory=DRIVEN.factory, max_requests=1, drain_s=0)
    with (
        remote(tmp_path) as far,
        closing(start_worker(tmp_path, settings=settings, wait=False)) as engine,
    ):
        engine.submit([1], Sampling())
        with pytest.raises(OvglmError, match="as are allowed: 1"):
            engine.submit([1], Sampling())
        far.next_worker()


def test_requests_that_come_while_it_loads_wait_for_it(tmp_path: Path) -> None:
    with (
        remote(tmp_path) as far,
        closing(start_worker(tmp_path, settings=DRIVEN, wait=False)) as engine,
    ):
        worker = far.next_worker()
        assert engine.pid == worker.recv()
        early = [engine.submit([number], Sampling()) for number in (4, 5)]
        early[0].cancel()
        assert [chunk.finish_reason for chunk in early[0]] == ["cancelled"]
        assert engine.state == "loading"
        worker.send("load")
        assert worker.recv() == ("submitted", [5])
        worker.send(("step", [8, 9]))
        worker.send(("finish",))
        assert [chunk.token_ids for chunk in early[1]] == [(8, 9), ()]
        assert engine.state == "ready"


def test_a_cancelled_request_ends_in_the_engine_too(tmp_path: Path) -> None:
    with _loaded(tmp_path) as (worker, engine):
        answer = engine.submit([4], Sampling())
        assert worker.recv() == ("submitted", [4])
        answer.cancel()
        assert worker.recv() == "cancelled"
        assert [chunk.finish_reason for chunk in answer] == ["cancelled"]
        assert engine.counters.cancelled == 1


def test_an_error_in_one_of_sixteen_leaves_fifteen(tmp_path: Path) -> None:
    with _loaded(tmp_path) as (worker, engine):
        answers = [engine.submit([number], Sampling()) for number in range(1, 17)]
        for number in range(1, 17):
            assert worker.recv() == ("submitted", [number])
        for order in (("step", [7]), ("fail",), ("step", [8]), ("finish",)):
            worker.send(order)
        with pytest.raises(OvglmError, match="this answer failed"):
            list(answers[0])
        for answer in answers[1:]:
            assert [chunk.token_ids for chunk in answer] == [(7,), (8,), ()]
        counters = engine.counters
        assert (counters.failed, counters.finished, counters.generated_tokens) == (1, 15, 31)


def test_counters_hold_what_the_engine_says_of_its_cache(tmp_path: Path) -> None:
    with _loaded(tmp_path) as (worker, engine):
        answer = engine.submit([1, 2], Sampling())
        worker.recv()
        worker.send(("finish",))
        list(answer)
        counters = engine.counters
        assert (counters.prompt_tokens, counters.cache_usage) == (2, 0.25)
        assert counters.cache_bytes == 4096


def test_a_refusal_to_load_is_raised_with_its_class_and_hint(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="the folder is damaged") as caught:
        _start(tmp_path, "refusing")
    assert caught.value.hint == "ovglm export nano"


def test_a_bug_at_load_is_told_with_its_last_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OvglmError, match=r"exit code 1.*ZeroDivisionError: this is a bug"):
        _start(tmp_path, "broken")
    assert "Traceback" in capsys.readouterr().err


def test_close_lets_a_running_answer_end(tmp_path: Path) -> None:
    with remote(tmp_path) as far:
        engine = start_worker(tmp_path, settings=DRIVEN, wait=False)
        worker = far.next_worker()
        pid = worker.recv()
        worker.send("load")
        answer = engine.submit([4], Sampling())
        worker.recv()
        worker.send(("step", [8]))
        worker.send(("finish",))
        engine.close()
        assert [chunk.finish_reason for chunk in answer] == [None, "stop"]
        assert not psutil.pid_exists(pid)


def test_close_cancels_what_takes_too_long_and_refuses_the_rest(tmp_path: Path) -> None:
    settings = WorkerSettings(factory=DRIVEN.factory, drain_s=0.05)
    with remote(tmp_path) as far:
        engine = start_worker(tmp_path, settings=settings, wait=False)
        worker = far.next_worker()
        worker.recv()
        worker.send("load")
        answer = engine.submit([4], Sampling())
        worker.recv()
        engine.close()
        engine.close()
        assert [chunk.finish_reason for chunk in answer] == ["cancelled"]
        assert (engine.state, engine.why, engine.pid) == ("down", "the engine was closed", None)
        with pytest.raises(OvglmError, match="closed"):
            engine.submit([4], Sampling())


def test_close_ends_a_worker_that_still_loads(tmp_path: Path) -> None:
    with remote(tmp_path) as far:
        engine = start_worker(tmp_path, settings=DRIVEN, wait=False)
        pid = far.next_worker().recv()
        answer = engine.submit([4], Sampling())
        engine.close()
        assert not psutil.pid_exists(pid)
        with pytest.raises(OvglmError, match="closed"):
            list(answer)


def test_a_script_without_a_guard_can_start_a_worker(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from ovglm.engine.worker import WorkerSettings, start_worker\n"
        "from ovglm.messages import Sampling\n"
        "settings = WorkerSettings(factory='worker_fakes:echoing')\n"
        f"engine = start_worker(Path({str(tmp_path)!r}), settings=settings, say=print)\n"
        "print(len(list(engine.submit([5, 6], Sampling()))))\n"
    )
    path = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'tests/support')]!r}"
    line = f"{path}; exec(open({str(script)!r}).read())"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "3"
