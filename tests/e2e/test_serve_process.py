"""`ovglm serve` as a process: its ready line, its signals, its exit codes, over a real socket."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from serve_process import PATIENCE_S, Server, send, serving

STOP = signal.SIGTERM
posix = pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")


def _chat(**more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    return {"model": "nano", "messages": messages, **more}


def _endless() -> dict[str, Any]:
    return _chat(stream=True, max_tokens=1500, ignore_eos=True)


@pytest.fixture
def folder(nano: Path, tmp_path: Path) -> Path:
    """nano under its own name."""
    link = tmp_path / "nano"
    try:
        link.symlink_to(nano, target_is_directory=True)
    except OSError:  # Windows without the right to make links
        import shutil

        shutil.copytree(nano, link)
    return link


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    """nano on the CPU, ready."""
    with serving(str(folder), "--device", "CPU", "--drain", "60") as made:
        made.wait_until_ready()
        yield made


def test_the_ready_line_says_where_with_what_and_how_to_stop(folder: Path) -> None:
    with serving(str(folder), "--device", "CPU") as server:
        line = server.wait_until_ready()
        assert re.fullmatch(
            r"ready: http://127\.0\.0\.1:\d+ \(API at http://127\.0\.0\.1:\d+/v1\) · nano on CPU "
            r"\(.+\): it was asked for · Ctrl-C stops it",
            line,
        )
        assert server.ask("/health") == (200, {"status": "ready", "models": {"nano": "ready"}})
        status, reply = server.ask("/v1/chat/completions", _chat(max_tokens=24))
        assert status == 200
        assert "Paris" in reply["choices"][0]["message"]["content"]


@posix
def test_sigterm_without_open_requests_ends_with_0_and_leaves_no_worker(server: Server) -> None:
    workers = psutil.Process(server.process.pid).children()
    assert workers
    server.signal()
    code, errors = server.end()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert not any(one.is_running() for one in workers)


@posix
def test_ctrl_c_ends_with_0_too(server: Server) -> None:
    server.signal(signal.SIGINT)
    code, errors = server.end()
    assert code == 0, errors
    assert "Traceback" not in errors


@posix
def test_sigterm_lets_a_stream_come_to_its_end(server: Server) -> None:
    with closing(server.connect()) as connection:
        reply = send(connection, "/v1/chat/completions", _endless())
        assert reply.status == 200
        assert reply.readline().startswith(b"data: ")
        server.signal()
        server.wait_for_error_line(r"stopping: open requests \(1\) may go on for 60 s")
        rest = reply.read()
    assert rest.endswith(b"data: [DONE]\n\n")
    code, errors = server.end()
    assert code == 0, errors


@posix
def test_the_drain_has_a_limit_and_then_a_stream_is_told(folder: Path) -> None:
    with serving(str(folder), "--device", "CPU", "--drain", "0") as server:
        server.wait_until_ready()
        with closing(server.connect()) as connection:
            reply = send(connection, "/v1/chat/completions", _endless())
            reply.readline()
            server.signal()
            rest = reply.read()
        assert b"server_stopping" in rest
        assert b"[DONE]" not in rest
        code, errors = server.end()
        assert code == 0, errors
        assert "Traceback" not in errors


@posix
def test_a_second_signal_ends_at_once(server: Server) -> None:
    workers = psutil.Process(server.process.pid).children()
    with closing(server.connect()) as connection:
        reply = send(connection, "/v1/chat/completions", _endless())
        reply.readline()
        server.signal()
        server.wait_for_error_line("stopping")
        server.signal()
        assert server.end()[0] == 128 + STOP
    _, alive = psutil.wait_procs(workers, PATIENCE_S)
    assert not alive


@posix
def test_it_can_be_stopped_while_it_loads(folder: Path) -> None:
    with serving(str(folder), "--device", "CPU") as server:
        server.wait_for_error_line("loading nano")
        server.signal()
        code, errors = server.end()
        assert code == 0, errors
        assert "Traceback" not in errors


def test_a_port_in_use_is_one_sentence_and_exit_1(folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = _run(str(folder), "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"ovglm: port {port} on 127.0.0.1 is in use by another program\ntry: --port {port + 1}\n"
    )


def test_a_model_that_does_not_load_is_one_sentence_and_exit_1(nano: Path, tmp_path: Path) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(nano, broken)
    weights = broken / "openvino_model.bin"
    weights.write_bytes(weights.read_bytes()[:-100])
    done = _run(str(broken), "--device", "CPU", "--port", "0")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("ovglm: ")]
    assert done.stdout == ""


def test_a_host_for_others_without_a_key_is_one_sentence_and_exit_1(folder: Path) -> None:
    done = _run(str(folder), "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        "ovglm: --host 0.0.0.0 lets other machines in, and there is no API key"
    )


def test_a_wrong_option_is_a_usage_error(folder: Path) -> None:
    assert _run(str(folder), "--max-queue", "many").returncode == 2
    assert _run().returncode == 2


@posix
def test_a_second_model_loads_when_it_is_asked_for(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(folder, target_is_directory=True)
    with serving(str(folder), str(other), "--device", "CPU") as server:
        server.wait_until_ready()
        assert server.ask("/health")[1]["models"] == {"nano": "ready", "other": "unloaded"}
        status, reply = server.ask(
            "/v1/chat/completions", {**_chat(max_tokens=4), "model": "other"}
        )
        assert (status, reply["model"]) == (200, "other")
        assert server.ask("/health")[1]["models"] == {"nano": "ready", "other": "ready"}


@posix
def test_prompts_are_in_no_log_unless_asked_for(folder: Path) -> None:
    question = "Where do hedgehogs sleep?"
    for options, is_logged in (((), False), (("--log-prompts",), True)):
        with serving(str(folder), "--device", "CPU", *options) as server:
            server.wait_until_ready()
            messages = [{"role": "user", "content": question}]
            body = {"model": "nano", "messages": messages, "max_tokens": 4}
            assert server.ask("/v1/chat/completions", body)[0] == 200
            assert server.ask("/v1/chat/completions", {**body, "n": question})[0] == 400
            server.signal()
            code, errors = server.end()
        assert code == 0, errors
        assert ("POST /v1/chat/completions 200" in errors, question in errors) == (True, is_logged)


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "OVGLM_API_KEY"}
    return subprocess.run(
        [sys.executable, "-m", "ovglm", "serve", *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
