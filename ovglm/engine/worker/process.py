"""One worker process as its parent sees it: started, spoken to, waited for, ended.

It is `python -m ovglm.engine.worker` with one inherited end of a pipe: multiprocessing's spawn
would run the caller's `__main__` again, which fails in scripts without a guard and in notebooks.
"""

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from multiprocessing import connection
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from ovglm.engine.worker.messages import FromWorker, Start, ToWorker
from ovglm.engine.worker.orphan import Tie
from ovglm.engine.worker.wire import Wire

__all__ = ["WorkerProcess"]

_MODULE = "ovglm.engine.worker"
_KEPT_LINES = 3
_JOIN_S = 2.0
# oneDNN keeps the 1024 latest kernels of its own beside those that the CPU plugin keeps; with 128
# a server of mixed prompts stops growing 80 MB earlier (nano, 4,000 requests).
_KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")


class WorkerProcess:
    """Starts at once. Start it from a thread that outlives it (see orphan.py)."""

    def __init__(self, start: Start) -> None:
        ours, theirs = connection.Pipe()
        handle = theirs.fileno()
        self._popen = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(handle), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            **_inheriting(handle),
        )
        theirs.close()
        self._tie = Tie(getattr(self._popen, "_handle", None))
        self.wire = Wire(ours, FromWorker)
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._outgoing: SimpleQueue[ToWorker | None] = SimpleQueue()
        self._threads = (
            Thread(target=self._send_all, name="ovglm-worker-send", daemon=True),
            Thread(target=self._echo, name="ovglm-worker-echo", daemon=True),
        )
        for thread in self._threads:
            thread.start()
        self.send(start)

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._popen.pid

    def send(self, message: ToWorker) -> None:
        """Send soon, in order, without waiting; what a dead worker should get is dropped."""
        self._outgoing.put(message)

    def terminate(self) -> None:
        """Ask the system to end it; repeatable."""
        self._popen.terminate()

    def kill(self) -> None:
        """Make the system end it; repeatable."""
        self._popen.kill()

    def end(self, patience_s: float) -> str:
        """Wait for its end, kill it after `patience_s`, clean up, and say how it ended."""
        try:
            self._popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(_JOIN_S)  # a grandchild may keep its output open
        self._output.close()
        self.wire.close()
        self._tie.cut()
        lines = " / ".join(self._lines)
        return _describe(self._popen.returncode) + (f"; its last lines: {lines}" if lines else "")

    @property
    def _output(self) -> IO[bytes]:
        assert self._popen.stdout is not None  # it was asked for as a pipe
        return self._popen.stdout

    def _send_all(self) -> None:
        while (message := self._outgoing.get()) is not None:
            try:
                self.wire.send(message)
            except EOFError:
                return

    def _echo(self) -> None:
        """Pass on what the worker prints, and keep the end of it to explain a crash."""
        for raw in self._output:
            line = raw.decode("utf-8", "replace").rstrip()
            with suppress(OSError, ValueError):  # stderr is closed; go on, or the worker blocks
                print(line, file=sys.stderr)
            if line:
                self._lines.append(line)


def _describe(code: int) -> str:
    if code >= 0:
        # Windows reports crashes as large numbers that are known in hexadecimal
        return f"it ended with exit code {code if code < 256 else hex(code)}"
    if sys.platform != "win32" and -code == signal.SIGKILL:
        return "it was ended by SIGKILL (perhaps the system ran out of memory)"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"it was ended by signal {-code}"


def _environment() -> dict[str, str]:
    """Let the worker find the modules that this process finds, not those of its own folder."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**dict([_KERNELS]), **os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def _inheriting(handle: int) -> dict[str, Any]:
    """Hand down the pipe's end, and keep the terminal's Ctrl-C away from the worker."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return {"startupinfo": startup, "creationflags": flags}
    return {"pass_fds": (handle,), "start_new_session": True}
