"""Server-sent events that end when the client goes. Knows no format of what is sent."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

__all__ = ["DONE", "ClientGone", "EventStream", "JsonReply", "event", "unless_gone"]

_T = TypeVar("_T")

DONE = b"data: [DONE]\n\n"
# A comment, which clients skip: proxies end connections on which nothing moves.
_PING = b": still here\n\n"
_PING_S = 15.0

_encode = msgspec.json.Encoder().encode


class ClientGone(Exception):
    """The client has left, and nobody reads the answer."""


class JsonReply(Response):
    """A reply as JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Write it."""
        return _encode(content)


def event(data: object) -> bytes:
    """Write one event."""
    return b"data: " + _encode(data) + b"\n\n"


async def unless_gone(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work; where the client leaves before its end, cancel it and raise ClientGone.

    For requests whose body has been read.
    """
    return await _first(work, _wait_until_gone(request.receive))


class EventStream(Response):
    """Sends events as they come; ends their source when the client goes, whatever it is doing."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], ping_s: float = _PING_S) -> None:
        """ping_s: how long nothing may be sent before a comment is."""
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._events = events
        self._ping_s = ping_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events."""
        async with aclosing(self._events):
            with suppress(ClientGone):
                await _first(self._send_all(send), _wait_until_gone(receive))

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        pinging = asyncio.ensure_future(self._ping(send))
        try:
            async for piece in self._events:
                self._is_quiet = False
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            await _end(pinging)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ping(self, send: Send) -> None:
        while True:
            self._is_quiet = True
            await asyncio.sleep(self._ping_s)
            if self._is_quiet:
                await send({"type": "http.response.body", "body": _PING, "more_body": True})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _first(work: Coroutine[Any, Any, _T], end: Coroutine[Any, Any, None]) -> _T:
    """Do the work until the end comes; leave no task behind."""
    tasks = asyncio.ensure_future(work), asyncio.ensure_future(end)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            return tasks[0].result()
        raise ClientGone
    finally:
        await _end(*tasks)


async def _end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until they have cleaned up."""
    for task in tasks:
        task.add_done_callback(_forget_error)
        task.cancel()
    # a time limit may cancel this too: then they clean up without being waited for
    await asyncio.wait(tasks)


def _forget_error(task: "asyncio.Future[Any]") -> None:
    """Keep asyncio from reporting an error that nobody is left to hear."""
    if not task.cancelled():
        task.exception()
