"""What the routes that answer have in common: finding the model, sending a stream, documents."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import Request

from ovglm.errors import OvglmError
from ovglm_serve.errors import ApiError, to_api_error
from ovglm_serve.generation import Count, Piece
from ovglm_serve.pool import ModelPool
from ovglm_serve.schema.replies import ErrorReply
from ovglm_serve.served_model import ServedModel
from ovglm_serve.sse import DONE, EventStream, event, unless_gone

__all__ = ["ERRORS", "STREAM", "Writer", "find_model", "pool_of", "send_stream"]

# For the API's document: what each route can answer besides its reply.
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "model": ErrorReply,
        "description": "The request is at fault; `param` says where. 400: it is wrong or asks for "
        "what cannot be done. 404: there is no such model. 413: the body is too large. 429: too "
        "many requests are open, come again after `Retry-After` seconds.",
    },
    "5XX": {
        "model": ErrorReply,
        "description": "500: the model or the server failed. 503: the model cannot answer now. "
        "504: the answer took too long.",
    },
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "data": {
            "type": "string",
            "description": "JSON: the object of the reply with what came since, or `error` where "
            "the answer failed; at the end the word [DONE].",
        }
    },
    "required": ["data"],
}
STREAM: dict[str, Any] = {
    "text/event-stream": {"itemSchema": _EVENT, "example": 'data: {"id": …}\n\n'}
}


class Writer(Protocol):
    """Writes the events of one stream."""

    def write(self, piece: Piece) -> Iterator[Any]:
        """Write what a piece comes to."""
        ...

    def finish(self, count: Count) -> Iterator[Any]:
        """Write what follows the last piece."""
        ...


def pool_of(request: Request) -> ModelPool:
    """Give the models that the app serves."""
    return request.app.state.models


async def find_model(request: Request, name: str) -> ServedModel:
    """Give a model that can be asked, loaded first where needed."""
    return await unless_gone(request, pool_of(request).get(name))


async def send_stream(
    request: Request, pieces: AsyncGenerator[Piece, None], writer: Writer, count: Count
) -> EventStream:
    """Begin a stream once its first piece is there: until then an error has a status of its own."""

    async def read_first() -> Piece:
        return await anext(pieces)

    first = await unless_gone(request, read_first())
    return EventStream(_write(first, pieces, writer, count))


async def _write(
    first: Piece, pieces: AsyncGenerator[Piece, None], writer: Writer, count: Count
) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        try:
            yield _join(writer.write(first))
            async for piece in pieces:
                if data := _join(writer.write(piece)):
                    yield data
        except ApiError as error:
            yield event(error.body)
            return
        except OvglmError as error:
            yield event(to_api_error(error).body)
            return
        yield _join(writer.finish(count)) + DONE


def _join(chunks: Iterator[Any]) -> bytes:
    return b"".join(map(event, chunks))
