"""Refuses requests that a web page of another origin makes, unless --cors-origin names it.

CORS alone keeps a page from reading answers, not from asking: a form can post to any address.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ovglm_serve.errors import ApiError, error_response

__all__ = ["OriginMiddleware"]


class OriginMiddleware:
    """Lets requests pass that come from no web page, from our own, or from one that is allowed."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and not self._accepts(origin, headers.get("host", "")):
                refusal = ApiError(
                    403,
                    f"web pages of the origin {origin!r} may not use this server "
                    "(try: ovglm serve --cors-origin ORIGIN)",
                    code="origin_not_allowed",
                )
                await error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _accepts(self, origin: str, host: str) -> bool:
        if "*" in self._allowed or origin in self._allowed:
            return True
        try:
            return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:  # no URL at all
            return False
