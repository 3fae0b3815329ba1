"""Calls an ASGI app without a socket; a test can leave in the middle as a client does."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Scope

__all__ = ["Call", "call"]


@dataclass
class Call:
    """A request, and what came back so far. `leave` ends the connection as a client does."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Iterable[bytes] = (b"",)
    status: int = 0
    reply_headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_complete: bool = False
    unread: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    leave: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The body's error."""
        return self.json["error"]

    async def run(self, app: ASGIApp) -> "Call":
        """Do it, to the end of the app's work."""
        left = list(self.chunks)
        self.unread = len(left)

        async def receive() -> Message:
            if left and not self.leave.is_set():
                chunk = left.pop(0)
                self.unread = len(left)
                return {"type": "http.request", "body": chunk, "more_body": bool(left)}
            await self.leave.wait()
            return {"type": "http.disconnect"}

        await app(self._scope(), receive, self._take)
        return self

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not self.status, "the response was started twice"
            self.status = message["status"]
            self.reply_headers = {k.decode(): v.decode() for k, v in message["headers"]}
            return
        assert not self.is_complete, "something was sent after the end"
        self.body += message.get("body", b"")
        self.is_complete = not message.get("more_body", False)
        self.begun.set()

    def _scope(self) -> Scope:
        headers = {"host": "127.0.0.1:8000", **self.headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }


async def call(app: ASGIApp, path: str = "/", **request: Any) -> Call:
    """Make one request."""
    return await Call(path, **request).run(app)
