"""Asks for the API key, where the server was given one."""

import hashlib
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ovglm_serve.errors import ApiError, error_response

__all__ = ["KeyMiddleware", "is_open"]

# What a browser or a probe asks for before it can send a key, and nothing else. No model is
# reached by these, and they tell nothing of what was asked.
_OPEN = ("/", "/health", "/docs", "/openapi.json", "/favicon.ico")
_OPEN_FOLDERS = ("/page/",)


def is_open(path: str) -> bool:
    """Say whether a path answers without the key."""
    return path in _OPEN or path.startswith(_OPEN_FOLDERS)


class KeyMiddleware:
    """Lets requests pass that carry the key as a bearer token."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._digest = _digest(key.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._lets_in(scope):
            refusal = ApiError(
                401,
                "the API key is missing or wrong (try: the header Authorization: Bearer KEY)",
                code="invalid_api_key",
                headers={"www-authenticate": "Bearer"},
            )
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _lets_in(self, scope: Scope) -> bool:
        if is_open(scope["path"]):
            return True
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        # Digests have one length, so the time tells neither the key's length nor its beginning.
        is_same = hmac.compare_digest(_digest(given.strip().encode("latin-1")), self._digest)
        return is_same and scheme.lower() == "bearer"


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
