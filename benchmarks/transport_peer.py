"""The other process of benchmarks.transport: links of each kind, and who answers at their end."""

import os
import sys
import tempfile
import uuid
from collections.abc import Callable
from ctypes import PyDLL
from importlib import import_module
from multiprocessing import Process, connection, get_context
from pathlib import Path
from threading import Condition, Thread
from time import perf_counter, time
from typing import Any, Protocol

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters
from ovglm.engine.worker.messages import Chunks, Submit, ToWorker, decoder, encode
from ovglm.messages import Chunk, Sampling
from ovglm.testing import FakeEngine

__all__ = ["KINDS", "STEP_S", "Link", "connect", "stepping"]

PIPE, LISTENER = "multiprocessing, inherited pipe", "multiprocessing, listener on 127.0.0.1"
ZMQ_IPC, ZMQ_TCP = "pyzmq, PAIR over ipc", "pyzmq, PAIR over 127.0.0.1"
KINDS = (PIPE, LISTENER, ZMQ_TCP, *(() if sys.platform == "win32" else (ZMQ_IPC,)))
STEP_S = 0.05
_READERS_S = 0.002  # as the paged engine waits for its readers
_KEY = b"benchmark"


class Link(Protocol):
    """One end."""

    def send_bytes(self, buf: bytes) -> None: ...

    def recv_bytes(self) -> bytes: ...

    def close(self) -> None: ...


class _Zmq:
    def __init__(self, bind: str | None = None, to: str | None = None) -> None:
        zmq = import_module("zmq")  # not among the packages that ovglm needs
        self._context = zmq.Context()
        socket: Any = self._context.socket(zmq.PAIR)
        if bind is not None:
            socket.bind(bind)
        else:
            socket.connect(to)
        self.address: str = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.send_bytes, self.recv_bytes = socket.send, socket.recv
        self._socket = socket

    def close(self) -> None:
        self._socket.close()
        self._context.term()


def connect(kind: str) -> tuple[Link, Process]:
    """Start the other process and return a link to it."""
    if kind == PIPE:
        ours, theirs = connection.Pipe()
        return ours, _start(kind, theirs)
    if kind == LISTENER:
        with connection.Listener(("127.0.0.1", 0), authkey=_KEY) as listener:
            peer = _start(kind, listener.address)
            return listener.accept(), peer
    ipc = f"ipc://{Path(tempfile.gettempdir()) / uuid.uuid4().hex}"
    link = _Zmq(bind=ipc if kind == ZMQ_IPC else "tcp://127.0.0.1:*")
    return link, _start(kind, link.address)


def _start(kind: str, where: Any) -> Any:
    peer = get_context("spawn").Process(target=_serve, args=(kind, where), daemon=True)
    peer.start()
    return peer


def _serve(kind: str, where: Any) -> None:
    """Answer a prompt of one id with one chunk, a longer one with so many batches; then leave."""
    link: Link
    if kind == PIPE:
        link = where
    elif kind == LISTENER:
        link = connection.Client(where, authkey=_KEY)
    else:
        link = _Zmq(to=where)
    unpack = decoder(ToWorker).decode
    while isinstance(message := unpack(link.recv_bytes()), Submit):
        requests, batches = message.prompt_ids
        for number in range(batches):
            pieces = [(one, Chunk((number,), " word")) for one in range(requests)]
            link.send_bytes(encode(Chunks(pieces)))
    link.close()


def stepping(*_: object, say: Callable[[str], None]) -> "SteppingEngine":
    """Make the engine whose steps keep the interpreter's lock (a factory for the worker)."""
    return SteppingEngine()


class SteppingEngine:
    """Gives each open answer one token per step, as a paged engine does, for `max_new_tokens`.

    The text of a chunk is the time at which it was made.
    """

    def __init__(self) -> None:
        self.info = FakeEngine([]).info
        self.counters = Counters()
        self._changed = Condition()
        self._open: list[tuple[QueuedAnswer, int]] = []
        Thread(target=self._run, daemon=True).start()

    def submit(self, prompt_ids: object, sampling: Sampling, pictures: object = ()) -> QueuedAnswer:
        """Take part in the next step."""
        answer = QueuedAnswer(lambda: None)
        with self._changed:
            self._open.append((answer, sampling.max_new_tokens))
            self._changed.notify()
        return answer

    def close(self) -> None:
        """Nothing is held."""

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._open)
                stepped, self._open = self._open, []
            _sleep_with_the_lock()
            for answer, left in stepped:
                answer.put(Chunk((1,), str(time()), finish_reason=None if left > 1 else "length"))
            until = perf_counter() + _READERS_S
            for answer, _ in stepped:
                answer.release(until)
            with self._changed:
                self._open += [(answer, left - 1) for answer, left in stepped if left > 1]


def _sleep_with_the_lock() -> None:
    if os.name == "nt":
        PyDLL("kernel32").Sleep(int(STEP_S * 1000))
    else:
        PyDLL(None).usleep(int(STEP_S * 1e6))
