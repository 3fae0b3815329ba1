"""Engines for worker processes that do what a test tells them, through a connection to the test.

The factories run in the worker; `Remote` is the test's end. The folder that the worker is given
holds the address, so nothing else has to reach it.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ovglm.devices.options import RuntimeOptions
from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.errors import FolderError, OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.testing import FakeEngine

__all__ = ["Remote", "remote"]

_KEY = b"test"
_LONG_S = 3600
_PATIENCE_S = 20.0


class Remote:
    """The test's end: what the workers report, and how they are told what to do."""

    def __init__(self, folder: Path) -> None:
        self._listener = Listener(("127.0.0.1", 0), authkey=_KEY)
        self._accepted: SimpleQueue[Connection] = SimpleQueue()
        (folder / "address.json").write_text(json.dumps(self._listener.address))
        Thread(target=self._accept, daemon=True).start()

    def next_worker(self) -> Connection:
        """Wait for the next worker that begins to load."""
        return self._accepted.get(timeout=_PATIENCE_S)

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                self._accepted.put(self._listener.accept())
            except OSError:
                return


@contextmanager
def remote(folder: Path) -> Iterator[Remote]:
    """Listen for workers that are given `folder`."""
    made = Remote(folder)
    try:
        yield made
    finally:
        made.close()


def echoing(
    folder: Path, device: str, options: RuntimeOptions, *, say: Callable[[str], None]
) -> "EchoEngine":
    """Make an engine that repeats prompts; say what was asked for."""
    say(f"{folder.name} on {device} with {options!r}")
    return EchoEngine()


def refusing(*_: object, say: Callable[[str], None]) -> FakeEngine:
    """Refuse to load, as for a damaged folder."""
    raise FolderError("the folder is damaged", "ovglm export nano")


def broken(*_: object, say: Callable[[str], None]) -> FakeEngine:
    """Fail to load with a bug."""
    raise ZeroDivisionError("this is a bug")


def aborting(*_: object, say: Callable[[str], None]) -> FakeEngine:
    """Abort as native code does."""
    print("the compiler met an unknown precision", file=sys.stderr, flush=True)
    os.abort()


def deaf(folder: Path, *_: object, say: Callable[[str], None]) -> FakeEngine:
    """Never finish loading, with the interpreter's lock held."""
    control = _connect(folder)
    control.send(os.getpid())
    _hold_the_lock()
    return FakeEngine([])


def driven(folder: Path, *_: object, say: Callable[[str], None]) -> "DrivenEngine":
    """Load when the test says so, and make the tokens that it asks for."""
    control = _connect(folder)
    control.send(os.getpid())
    match control.recv():
        case "load":
            return DrivenEngine(control)
        case "abort":
            os.abort()
        case "refuse":
            raise OvglmError("the device is gone", "ovglm devices")
        case other:
            raise ValueError(other)


class EchoEngine(FakeEngine):
    """Answers with the prompt, one id in a chunk; refuses and fails by the first id."""

    def __init__(self) -> None:
        super().__init__([], context=100)

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Refuse prompts that begin with 13, and fail on those with 66."""
        if prompt_ids[0] == 13:
            raise OvglmError("13 is outside the vocabulary", "another prompt")
        if prompt_ids[0] == 66:
            raise ZeroDivisionError("66 meets a bug")
        self._reply_ids = tuple(prompt_ids)
        return super().submit(prompt_ids, sampling, pictures)


class DrivenEngine:
    """Obeys the connection: ("step", ids) gives each open answer these ids in one go, and so on."""

    def __init__(self, control: Connection) -> None:
        self.info: EngineInfo = FakeEngine([]).info
        self.counters = Counters(waiting=1, cache_usage=0.25, cache_bytes=4096)
        self._control = control
        self._answers: list[tuple[QueuedAnswer, Sampling]] = []
        Thread(target=self._obey, name="driven engine", daemon=True).start()

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Report the request to the test."""
        made: list[QueuedAnswer] = []
        made.append(QueuedAnswer(lambda: self._end(made[0], "cancelled"), sampling.n))
        self._answers.append((made[0], sampling))
        self._control.send(("submitted", list(prompt_ids)))
        return made[0]

    def close(self) -> None:
        """Cancel all answers."""
        for answer, _ in list(self._answers):
            self._end(answer, "cancelled")

    def _obey(self) -> None:
        doings: dict[str, Callable[..., object]] = {
            "abort": os.abort,
            "bug": lambda: 1 / 0,
            "exit": lambda: os._exit(3),
            "fail": lambda: self._answers.pop(0)[0].fail(OvglmError("this answer failed")),
            "finish": lambda: [self._end(answer, "stop") for answer, _ in list(self._answers)],
            "hold the lock": _hold_the_lock,
            "step": self._step,
        }
        while True:
            name, *values = self._control.recv()
            doings[name](*values)

    def _step(self, ids: Sequence[int]) -> None:
        for answer, sampling in self._answers:
            for index in range(sampling.n):
                answer.put(Chunk(tuple(ids), index=index))

    def _end(self, answer: QueuedAnswer, reason: Any) -> None:
        for one in [one for one in self._answers if one[0] is answer]:
            self._answers.remove(one)
            for index in range(one[1].n):
                answer.put(Chunk(finish_reason=reason, index=index))
        if reason == "cancelled":
            self._control.send("cancelled")


def _connect(folder: Path) -> Connection:
    host, port = json.loads((folder / "address.json").read_text())
    return Client((host, port), authkey=_KEY)


def _hold_the_lock() -> None:
    """Stay in native code without giving up the GIL."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(_LONG_S * 1000)
    else:
        ctypes.PyDLL(None).sleep(_LONG_S)
