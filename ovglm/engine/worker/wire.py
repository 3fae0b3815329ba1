"""One end of the pipe between the two processes: whole messages in and out.

The pipe is multiprocessing's (a socket pair, on Windows a named pipe): it frames messages, needs no
port, nobody else can connect to it, and it was the fastest in benchmarks/results/transport.md.
"""

import os
import sys
from multiprocessing import connection
from threading import Lock
from typing import Any, Protocol

from ovglm.engine.worker.messages import FromWorker, ToWorker, decoder, encode

__all__ = ["Pipe", "Wire", "adopt"]


class Pipe(Protocol):
    """What is used of multiprocessing's connections, whose class differs between systems."""

    def send_bytes(self, buf: bytes) -> None: ...

    def recv_bytes(self) -> bytes: ...

    def poll(self, timeout: float) -> bool: ...

    def close(self) -> None: ...


class Wire:
    """Send from any thread, receive in one."""

    def __init__(self, pipe: Pipe, incoming: Any) -> None:
        """incoming: the messages of the other side, `ToWorker` or `FromWorker`."""
        self._pipe = pipe
        self._decoder = decoder(incoming)
        self._sending = Lock()

    def send(self, message: ToWorker | FromWorker) -> None:
        """Send; wait while the pipe is full. Raise EOFError where the other side is gone."""
        data = encode(message)
        try:
            with self._sending:
                self._pipe.send_bytes(data)
        except OSError as error:
            raise EOFError from error

    def receive(self) -> Any:
        """Wait for the next message. Raise EOFError where the other side is gone."""
        try:
            data = self._pipe.recv_bytes()
        except OSError as error:  # killed in the middle of a message
            raise EOFError from error
        return self._decoder.decode(data)

    def poll(self, timeout_s: float) -> bool:
        """Wait for a message or the end, and say whether one of them is there."""
        try:
            return self._pipe.poll(timeout_s)
        except OSError:
            return True

    def close(self) -> None:
        """Close this end."""
        self._pipe.close()


def adopt(handle: int) -> Pipe:
    """Open the end of a pipe that this process inherited, and keep it from its own children."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, False)
        return connection.PipeConnection(handle)
    os.set_inheritable(handle, False)
    return connection.Connection(handle)
