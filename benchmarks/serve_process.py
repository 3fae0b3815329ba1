"""Servers and clients as processes of their own: started, asked, watched and ended."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.exporters import ENVIRONMENT
from benchmarks.measure import tree_memory
from benchmarks.serve_load import Job, Result
from benchmarks.venvs import program

__all__ = ["Clients", "Server", "clients", "llama_server", "ovglm_server", "parse_metrics"]

_ROOT = Path(__file__).resolve().parents[1]
_START_S = 600.0
_END_S = 60.0
_QUIET_S = 30.0
_READY = re.compile(r"^ready: http://127\.0\.0\.1:(\d+) ")
_SAMPLE = re.compile(r"^([a-z_]+)(?:\{.*\})? ([0-9.eE+-]+)$", re.MULTILINE)
# What must be back to zero when nobody asks for anything.
_AT_REST = (
    *("ovglm_open_requests", "ovglm_running_requests"),
    *("ovglm_queue_depth", "ovglm_cache_usage_ratio"),
)


def parse_metrics(text: str) -> dict[str, float]:
    """Read Prometheus' text format; samples of one name are added up."""
    found: dict[str, float] = defaultdict(float)
    for name, value in _SAMPLE.findall(text):
        found[name] += float(value)
    return dict(found)


class Server:
    """A server that answers on a port of this machine."""

    def __init__(self, process: "subprocess.Popen[Any]", port: int) -> None:
        self.process = process
        self.port = port

    @property
    def memory(self) -> int:
        """Anonymous bytes of its process and all below it."""
        return tree_memory(self.process.pid)[0]

    @property
    def handles(self) -> int:
        """Open files and sockets of the process that talks to the clients."""
        process = psutil.Process(self.process.pid)
        return process.num_handles() if sys.platform == "win32" else process.num_fds()

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> str:
        """Send one request that must succeed; return the reply's text."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_QUIET_S)
        try:
            if body is None:
                link.request("GET", path)
            else:
                kind = {"Content-Type": "application/json"}
                link.request("POST", path, json.dumps(body), kind)
            reply = link.getresponse()
            text = reply.read().decode("utf-8")
        finally:
            link.close()
        if reply.status != 200:
            raise SystemExit(f"{path} answered {reply.status}: {text}")
        return text

    def metrics(self) -> dict[str, float]:
        """Read /metrics."""
        return parse_metrics(self.ask("/metrics"))

    def wait_until_quiet(self) -> tuple[float, dict[str, float]]:
        """Wait until nothing is open or running; return the seconds and the last figures."""
        start = time.perf_counter()
        while True:
            found = self.metrics()
            took = time.perf_counter() - start
            if took > _QUIET_S or not any(found.get(name) for name in _AT_REST):
                return took, found
            time.sleep(0.02)


class Clients:
    """The process of the clients."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, job: Job) -> Result:
        """Do a job; exit where a request failed."""
        sent, told = self._process.stdin, self._process.stdout
        assert sent is not None and told is not None
        sent.write(json.dumps(asdict(job)) + "\n")
        sent.flush()
        line = told.readline()
        if not line:
            raise SystemExit("the process of the clients has ended")
        found = json.loads(line)
        if "error" in found:
            raise SystemExit(f"a client failed: {found['error']}")
        return Result(**found)


@contextmanager
def clients() -> Iterator[Clients]:
    """Start the clients' process and end it."""
    line = [sys.executable, "-m", "benchmarks.serve_load"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, cwd=_ROOT)
    with process:
        try:
            yield Clients(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            _end(process)


@contextmanager
def ovglm_server(folder: Path, options: Sequence[str] = ()) -> Iterator[Server]:
    """Serve an exported folder with the defaults of `ovglm serve` on the CPU."""
    line = [sys.executable, "-m", "ovglm", "serve", str(folder), "--port", "0"]
    with _started([*line, "--device", "CPU", *options]) as (process, log):
        yield Server(process, _wait_until_ready(process, log))


@contextmanager
def llama_server(environment: Path, model: Path, context: int) -> Iterator[Server]:
    """Serve a GGUF file with llama-cpp-python, one thread per core, nobody interrupted."""
    threads = str(os.cpu_count() or 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [str(program(environment, "python")), "-m", "llama_cpp.server", "--model", str(model)]
    line += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", str(context)]
    line += ["--n_threads", threads, "--n_threads_batch", threads]
    line += ["--verbose", "False", "--interrupt_requests", "False"]
    with _started(line) as (process, log):
        _wait_until_open(process, log, port)
        yield Server(process, port)


@contextmanager
def _started(line: Sequence[str]) -> "Iterator[tuple[subprocess.Popen[Any], Path]]":
    with tempfile.TemporaryDirectory(prefix="ovglm-benchmark-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT,
                cwd=_ROOT,
            )
        try:
            yield process, log
        finally:
            _end(process)


def _wait_until_ready(process: "subprocess.Popen[Any]", log: Path) -> int:
    """Return the port from the line that ours prints when the model is loaded."""
    for text in _watch(process, log):
        for line in text.splitlines():
            if found := _READY.match(line):
                return int(found.group(1))
    raise AssertionError("unreachable")


def _wait_until_open(process: "subprocess.Popen[Any]", log: Path, port: int) -> None:
    for _ in _watch(process, log):
        with socket.socket() as link:
            if link.connect_ex(("127.0.0.1", port)) == 0:
                return


def _watch(process: "subprocess.Popen[Any]", log: Path) -> Iterator[str]:
    """Give what a starting server has printed, again and again; exit where it ends or hangs."""
    limit = time.monotonic() + _START_S
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        yield text
        if process.poll() is not None or time.monotonic() > limit:
            state = f"ended with {process.returncode}" if process.poll() is not None else "hangs"
            raise SystemExit(f"a server {state} before it was ready\n{text[-4000:]}")
        time.sleep(0.05)


def _end(process: "subprocess.Popen[Any]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
