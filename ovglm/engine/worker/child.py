"""The worker process from its start to its end: tie to the parent, load, answer, leave."""

import asyncio
import os
import selectors
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

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
    loop = asyncio.SelectorEventLoop(_Eager())
    loop.run_until_complete(_serve(Host(engine, wire), inbox, start.heartbeat_s))
    loop.close()
    return 0


class _Eager(selectors.DefaultSelector):
    """Looks for events only when the loop has nothing else to do.

    A mere look gives up the interpreter's lock; the engine would take it and begin its next step
    before the tokens of the last one have left.
    """

    def select(self, timeout: float | None = None) -> "list[tuple[selectors.SelectorKey, int]]":
        """Wait for events, but return at once where that is asked for."""
        return [] if timeout == 0 else super().select(timeout)


async def _serve(host: Host, inbox: "_Inbox", heartbeat_s: float) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_end_of_bug)
    inbox.deliver = lambda message: loop.call_soon_threadsafe(host.take, message)
    await host.serve(heartbeat_s)
    inbox.deliver = lambda _: None  # what still comes is too late


class _Inbox:
    """Reads in a thread, from the start: Stop and the parent's end count while a model loads."""

    def __init__(self, wire: Wire) -> None:
        self.deliver: Callable[[ToWorker], object] | None = None
        self._wire = wire
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                message = self._wire.receive()
            except EOFError:  # the parent is gone
                os._exit(1)
            if self.deliver is not None:
                self.deliver(message)
            elif isinstance(message, Stop):
                os._exit(0)


def _load(start: Start, say: Callable[[str], None]) -> Engine:
    module, _, name = start.factory.partition(":")
    factory = getattr(import_module(module), name)
    return factory(Path(start.folder), start.device, start.options, say=say)


def _die_of_bug(args: "threading.ExceptHookArgs") -> None:
    """End the worker when any thread of it, the engine's too, ends of a bug: nobody else would."""
    threading.__excepthook__(args)
    _leave()


def _end_of_bug(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), EOFError):  # that is the parent's end
        loop.default_exception_handler(context)
    _leave()


def _leave() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
