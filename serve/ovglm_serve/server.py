"""uvicorn's server with our own end: requests are drained, then it leaves with 0."""

import asyncio
import math
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from ovglm.errors import OvglmError
from ovglm_serve.lifetime import Lifetime, stop_on_signal
from ovglm_serve.pool import ModelPool

__all__ = ["Server"]

# uvicorn's own limit comes after ours, for requests that do not end when they are cancelled.
_SLACK_S = 5
# Clients keep connections for a while; one that we close first fails their next request.
_KEEP_OPEN_S = 75


class Server(uvicorn.Server):
    """Serves one app until a signal, or until its first model turns out not to load."""

    def __init__(
        self,
        app: FastAPI,
        drain_s: float,
        *,
        on_start: Callable[[], object],
        on_ready: Callable[[], object],
    ) -> None:
        """on_start: called when signals and requests are heard, on_ready: when they are answered,
        because the first model is loaded.
        """
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_OPEN_S,
            timeout_graceful_shutdown=math.ceil(drain_s) + _SLACK_S,
        )
        super().__init__(config)
        self.failure: OvglmError | None = None
        self._models: ModelPool = app.state.models
        self._life: Lifetime = app.state.lifetime
        self._drain_s = drain_s
        self._on_start = on_start
        self._on_ready = on_ready
        self._watching: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on signals; uvicorn would raise them again at the end, and not leave with 0."""
        with stop_on_signal(self._stop):
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and tell when the first model is loaded."""
        await super().startup(sockets)
        self._on_start()
        self._watching = asyncio.create_task(self._watch_first_load())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, wait for what is open, end what takes too long."""
        self._life.begin_stop()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        if self._life.open and self.failure is None:
            print(
                f"stopping: open requests ({self._life.open}) may go on for {self._drain_s:g} s; "
                "Ctrl-C again ends them at once",
                file=sys.stderr,
            )
        timer = asyncio.get_running_loop().call_later(self._drain_s, self._life.end_all)
        await super().shutdown(sockets)
        timer.cancel()

    def _stop(self) -> None:
        self.should_exit = True

    async def _watch_first_load(self) -> None:
        try:
            await self._models.wait_until_started()
        except OvglmError as error:
            cause = error.__cause__
            self.failure = cause if isinstance(cause, OvglmError) else error
            self.should_exit = True
        else:
            self._on_ready()
