"""The worker process from its start to its end: tie to the parent, load, answer, leave."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue

from ovglm.engine.base import Engine
from ovglm.engine.worker.host import Host
from ovglm.engine.worker.messages import Refusal, Refused, Said, Start, Stop, ToWorker
from ovglm.engine.worker.orphan import die_with
from ovglm.engine.worker.wire import Wire, adopt
from ovglm.errors import OvglmError

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Work until the parent says stop. arguments: the pipe's handle, and the parent's process."""
    handle, parent = map(int, arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    die_with(parent)
    threading.excepthook = _die_of_bug
    wire = Wire(adopt(handle), ToWorker)
    start: Start = wire.receive()
    inbox = _Inbox(wire)
    try:
        engine = _load(start, lambda text: wire.send(Said(text)))
    except OvglmError as error:
        wire.send(Refused(Refusal.of(error)))
        return 0
    inbox.is_loading = False
    Host(engine, wire).serve(inbox.messages, start.heartbeat_s)
    return 0


class _Inbox:
    """Reads in a thread, from the start: Stop and the parent's end count while a model loads."""

    def __init__(self, wire: Wire) -> None:
        self.messages: SimpleQueue[ToWorker] = SimpleQueue()
        self.is_loading = True
        self._wire = wire
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                message = self._wire.receive()
            except EOFError:  # the parent is gone
                os._exit(1)
            if self.is_loading and isinstance(message, Stop):
                os._exit(0)
            self.messages.put(message)


def _load(start: Start, say: Callable[[str], None]) -> Engine:
    module, _, name = start.factory.partition(":")
    factory = getattr(import_module(module), name)
    return factory(Path(start.folder), start.device, start.options, say=say)


def _die_of_bug(args: "threading.ExceptHookArgs") -> None:
    """End the worker when any thread of it, the engine's too, ends of a bug: nobody else would."""
    if args.exc_type is not EOFError:  # that is the parent's end
        threading.__excepthook__(args)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
