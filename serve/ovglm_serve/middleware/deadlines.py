"""Ends requests that take too long, and those still open when the server has to stop."""

import asyncio
import json
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovglm_serve.errors import ApiError, error_response
from ovglm_serve.lifetime import Lifetime

__all__ = ["DeadlineMiddleware"]

# A client that reads nothing does not get to know either.
_FAREWELL_S = 1.0


class DeadlineMiddleware:
    """Cancels a request at its time limit. A stream that has begun ends with an error event."""

    def __init__(self, app: ASGIApp, lifetime: Lifetime, timeout_s: float) -> None:
        self._app = app
        self._lifetime = lifetime
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = _Sent(send)
        with Deadline(self._timeout_s) as deadline, self._lifetime.admit(deadline.end):
            await self._app(scope, receive, sent)
        if deadline.is_over and not sent.is_complete:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(
                    _tell(self._reason(), sent.start, (scope, receive, send)), _FAREWELL_S
                )

    def _reason(self) -> ApiError:
        if self._lifetime.is_over:
            return ApiError(503, "the server is stopping", code="server_stopping")
        return ApiError(
            504,
            f"the request took longer than {self._timeout_s:g} s (try: a smaller max_tokens, or "
            "ovglm serve --request-timeout SECONDS)",
            code="request_timeout",
            # OpenAI's clients would ask again at once, and take as long once more
            headers={"x-should-retry": "false"},
        )


class Deadline:
    """Cancels the task that is inside when the time is over, once.

    Not anyio's scope, which cancels again each time the task waits, so that nobody could clean up;
    not asyncio.timeout, which Python 3.10 has not.
    """

    def __init__(self, timeout_s: float) -> None:
        self.is_over = False
        self._timeout_s = timeout_s
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "Deadline":
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self.end)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        task, self._task = self._task, None
        if not self.is_over or kind is not asyncio.CancelledError:
            return False
        uncancel = getattr(task, "uncancel", None)  # Python 3.11
        if uncancel is not None:
            uncancel()
        return True

    def end(self) -> None:
        """End what is inside now."""
        if self._task is not None and not self.is_over:
            self.is_over = True
            self._task.cancel()


class _Sent:
    """Passes messages on, and remembers how far the response is."""

    def __init__(self, send: Send) -> None:
        self.start: Message | None = None
        self.is_complete = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_complete = True


async def _tell(
    error: ApiError, start: Message | None, connection: tuple[Scope, Receive, Send]
) -> None:
    """Send the error as the response, or as the last event of a stream."""
    if start is None:
        await error_response(error)(*connection)
        return
    kind = Headers(raw=start.get("headers", [])).get("content-type", "")
    if kind.startswith("text/event-stream"):
        event = f"data: {json.dumps(error.body)}\n\n".encode()
        await connection[2]({"type": "http.response.body", "body": event, "more_body": False})
