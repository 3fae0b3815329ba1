"""What becomes of requests, of the worker and of the machine when something dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import psutil
import pytest

from ovglm.engine.worker import WorkerEngine, WorkerSettings, start_worker
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from worker_fakes import Remote, remote

DRIVEN = WorkerSettings(
    factory="worker_fakes:driven", heartbeat_s=0.05, backoff_s=0.01, drain_s=0.05, stop_s=1.0
)
ROOT = Path(__file__).parents[2]
PATIENCE_S = 30


@contextmanager
def _running(folder: Path, settings: WorkerSettings) -> Iterator[tuple[WorkerEngine, Remote]]:
    with remote(folder) as far:
        engine = start_worker(folder, settings=settings, wait=False)
        try:
            yield engine, far
        finally:
            engine.close()


def _load(far: Remote) -> tuple[Connection, int]:
    """Let the next worker load; return the connection to it and its process."""
    worker = far.next_worker()
    pid = worker.recv()
    worker.send("load")
    return worker, pid


def _answer_one(engine: WorkerEngine, worker: Connection) -> None:
    answer = engine.submit([1], Sampling())
    assert worker.recv() == ("submitted", [1])
    worker.send(("step", [7]))
    worker.send(("finish",))
    assert list(answer) == [Chunk((7,)), Chunk(finish_reason="stop")]


def _fail_with(engine: WorkerEngine, worker: Connection, order: str) -> str:
    """Give the order while a request is open; return its error."""
    answer = engine.submit([1], Sampling())
    assert worker.recv() == ("submitted", [1])
    worker.send((order,))
    with pytest.raises(OvglmError) as caught:
        list(answer)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_worker_killed_mid_answer_fails_it_and_the_next_request_works(tmp_path: Path) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        worker, pid = _load(far)
        answer = engine.submit([1], Sampling())
        worker.recv()
        worker.send(("step", [7]))
        chunks = iter(answer)
        assert next(chunks) == Chunk((7,))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(OvglmError, match="SIGKILL") as caught:
            next(chunks)
        assert "ask again" in (caught.value.hint or "")
        after = engine.submit([2], Sampling())
        worker, second = _load(far)
        assert second != pid
        assert worker.recv() == ("submitted", [2])
        worker.send(("finish",))
        assert list(after) == [Chunk(finish_reason="stop")]
        assert engine.counters.failed == 1


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("abort", "SIGABRT" if os.name != "nt" else "exit code"),
        ("exit", "exit code 3"),
        ("bug", "ZeroDivisionError"),
    ],
)
def test_a_crash_is_told_and_the_worker_restarted(tmp_path: Path, order: str, words: str) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        worker, _ = _load(far)
        assert words in _fail_with(engine, worker, order)
        worker, _ = _load(far)
        _answer_one(engine, worker)
        assert (engine.state, engine.why) == ("ready", "")


def test_a_worker_that_holds_the_lock_for_ever_counts_as_hung(tmp_path: Path) -> None:
    with _running(tmp_path, replace(DRIVEN, silence_s=0.5)) as (engine, far):
        worker, pid = _load(far)
        assert "no sign of life for 0.5 s" in _fail_with(engine, worker, "hold the lock")
        worker, _ = _load(far)
        assert not psutil.pid_exists(pid)
        _answer_one(engine, worker)


def test_a_worker_that_lives_but_makes_no_token_counts_as_hung(tmp_path: Path) -> None:
    with _running(tmp_path, replace(DRIVEN, stall_s=0.5)) as (engine, far):
        worker, _ = _load(far)
        answer = engine.submit([1], Sampling())
        worker.recv()
        with pytest.raises(OvglmError, match=r"made no token for 0.5 s"):
            list(answer)
        worker, _ = _load(far)
        _answer_one(engine, worker)


def test_three_crashes_in_a_row_leave_it_down_with_the_reason(tmp_path: Path) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        for _ in range(3):
            worker, _ = _load(far)
            _fail_with(engine, worker, "exit")
        with pytest.raises(OvglmError, match=r"failed 3 times and stays down.*exit code 3"):
            engine.wait_until_loaded()
        assert engine.state == "down"
        assert "exit code 3" in engine.why
        with pytest.raises(OvglmError, match="stays down") as caught:
            engine.submit([1], Sampling())
        assert caught.value.hint == "ovglm doctor"


def test_an_answer_between_crashes_starts_the_count_anew(tmp_path: Path) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        for _ in range(4):
            worker, _ = _load(far)
            _answer_one(engine, worker)
            _fail_with(engine, worker, "exit")
        worker, _ = _load(far)
        _answer_one(engine, worker)


def test_requests_wait_through_crashes_of_the_restart_and_fail_when_it_is_down(
    tmp_path: Path,
) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        worker, _ = _load(far)
        _fail_with(engine, worker, "exit")
        waiting = engine.submit([1], Sampling())
        for _ in range(2):
            worker = far.next_worker()
            worker.recv()
            assert engine.state == "restarting"
            assert "exit code 3" in engine.why or "SIGABRT" in engine.why
            worker.send("abort")
        with pytest.raises(OvglmError, match="failed 3 times"):
            list(waiting)


def test_a_refusal_at_restart_leaves_it_down_with_the_refusal(tmp_path: Path) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        worker, _ = _load(far)
        _fail_with(engine, worker, "exit")
        worker = far.next_worker()
        worker.recv()
        worker.send("refuse")
        with pytest.raises(OvglmError, match="the device is gone") as caught:
            engine.wait_until_loaded()
        assert caught.value.hint == "ovglm devices"


def test_a_native_abort_at_load_is_an_error_with_the_last_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = WorkerSettings(factory="worker_fakes:aborting")
    with pytest.raises(OvglmError, match=r"could not load the model.*unknown precision") as caught:
        start_worker(tmp_path, settings=settings)
    assert os.name == "nt" or "SIGABRT" in caught.value.message
    assert "unknown precision" in capsys.readouterr().err


def test_a_worker_that_hangs_while_it_loads_is_killed(tmp_path: Path) -> None:
    settings = WorkerSettings(factory="worker_fakes:deaf", heartbeat_s=0.05, load_s=1.0)
    with remote(tmp_path) as far:
        with pytest.raises(OvglmError, match="said nothing for 1 s"):
            start_worker(tmp_path, settings=settings)
        assert not psutil.pid_exists(far.next_worker().recv())


def test_close_kills_a_worker_that_does_not_leave(tmp_path: Path) -> None:
    settings = replace(DRIVEN, stop_s=0.2)
    with _running(tmp_path, settings) as (engine, far):
        worker, pid = _load(far)
        engine.wait_until_loaded()
        worker.send(("hold the lock",))
        engine.close()
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("factory", ["driven", "deaf"])
def test_no_orphan_is_left_when_the_parent_is_killed(tmp_path: Path, factory: str) -> None:
    program = (
        f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'tests/support')]!r}\n"
        "from pathlib import Path\n"
        "from ovglm.engine.worker import WorkerSettings, start_worker\n"
        f"settings = WorkerSettings(factory='worker_fakes:{factory}')\n"
        f"start_worker(Path({str(tmp_path)!r}), settings=settings)\n"
    )
    with remote(tmp_path) as far:
        parent = subprocess.Popen([sys.executable, "-c", program])
        worker = far.next_worker()
        worker.recv()
        parent.kill()
        parent.wait()
        assert worker.poll(PATIENCE_S)
        with pytest.raises((EOFError, ConnectionError)):
            worker.recv()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups like these")
def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(tmp_path: Path) -> None:
    with _running(tmp_path, DRIVEN) as (engine, far):
        worker, pid = _load(far)
        assert os.getpgid(pid) != os.getpgid(0)
        os.kill(pid, signal.SIGINT)
        _answer_one(engine, worker)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_nano_killed_mid_answer_is_back_within_its_load_time(nano: Path) -> None:
    sampling = Sampling(max_new_tokens=64, ignore_eos=True)
    prompt = [11, 12, 13]
    start = perf_counter()
    engine = start_worker(nano, "CPU", settings=WorkerSettings(backoff_s=0.01))
    load_s = perf_counter() - start
    with closing(engine):
        expected = _ids(engine.submit(prompt, sampling))
        assert len(expected) == 64
        first_pid = engine.pid
        assert first_pid is not None
        chunks = iter(engine.submit(prompt, replace(sampling, max_new_tokens=512)))
        next(chunks)
        os.kill(first_pid, signal.SIGKILL)
        with pytest.raises(OvglmError, match="SIGKILL"):
            list(chunks)
        start = perf_counter()
        assert _ids(engine.submit(prompt, sampling)) == expected
        # twice, because other tests may use the machine at the same time
        assert perf_counter() - start < 2 * load_s
        assert engine.pid != first_pid


def _ids(answer: Iterable[Chunk]) -> list[int]:
    return [one for chunk in answer for one in chunk.token_ids]
