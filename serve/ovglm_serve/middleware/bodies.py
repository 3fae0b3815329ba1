"""Refuses bodies that are larger than allowed, before they are read where the client tells."""

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ovglm_serve.errors import ApiError, error_response

__all__ = ["BodyMiddleware"]


class BodyMiddleware:
    """Counts the bytes of a body as they come."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        if told.isdecimal() and int(told[:20]) > self._most:
            await self._refuse(scope, receive, send)
            return
        await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse in the middle of a body; the app then sees a client that has left."""
        count, is_refused = 0, False

        async def receive_counting() -> Message:
            nonlocal count, is_refused
            message: Message = {"type": "http.disconnect"} if is_refused else await receive()
            count += len(message.get("body", b""))
            if count > self._most and not is_refused:
                is_refused = True
                await self._refuse(scope, receive, send)
                return {"type": "http.disconnect"}
            return message

        async def send_unless_refused(message: Message) -> None:
            if not is_refused:
                await send(message)

        try:
            await self._app(scope, receive_counting, send_unless_refused)
        except ClientDisconnect:
            if not is_refused:
                raise

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = ApiError(
            413,
            f"the body is larger than {self._most} bytes, the limit of the server's --max-body",
            code="body_too_large",
            # what is left of the body would be taken for the next request
            headers={"connection": "close"},
        )
        await error_response(refusal)(scope, receive, send)
