"""Gives each request an id, logs and counts it at its end, and frees then what it held."""

import logging
import re
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import quote
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovglm_serve.holds import holding
from ovglm_serve.metrics import Metrics

__all__ = ["LOGGER", "AccessMiddleware"]

LOGGER = "ovglm_serve.access"
_HEADER = "x-request-id"
_FIT_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_CLIENT_LEFT = 499  # nginx's number: there is none in the standard
_METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")


@dataclass
class _Seen:
    """What went by of the response."""

    status: int = 0
    is_complete: bool = False


class AccessMiddleware:
    """The outermost one. Logs no query, no header and no body: they may hold prompts and keys."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._logger = logging.getLogger(LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _choose_id(scope)
        scope.setdefault("state", {})["request_id"] = name
        seen = _Seen()

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = name
            elif message["type"] == "http.response.body":
                seen.is_complete = not message.get("more_body", False)
            await send(message)

        start = perf_counter()
        try:
            with holding(name):
                await self._app(scope, receive, send_noting)
        except Exception:
            seen.status, seen.is_complete = seen.status or 500, True
            raise
        finally:
            self._note(scope, name, seen, perf_counter() - start)

    def _note(self, scope: Scope, name: str, seen: _Seen, took_s: float) -> None:
        status = seen.status if seen.status and seen.is_complete else _CLIENT_LEFT
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.count_request(method, _route(scope), status)
        path = quote(scope["path"])  # a line break in it must not begin a line of the log
        client = (scope.get("client") or ("-",))[0]
        self._logger.info(
            "%s %s %s %d %.0f ms %s", client, method, path, status, took_s * 1000, name
        )


def _choose_id(scope: Scope) -> str:
    """Take the client's id where it is harmless in a log, else make one."""
    given = Headers(scope=scope).get(_HEADER, "")
    return given if _FIT_ID.fullmatch(given) else uuid4().hex


def _route(scope: Scope) -> str:
    """Name the route by its pattern: paths are endless, and so would be the figures."""
    return getattr(scope.get("route"), "path", "other")
