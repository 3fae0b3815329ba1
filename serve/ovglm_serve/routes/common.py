"""What the routes that answer have in common: finding the model, sending a stream, documents."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from starlette.requests import Request

from ovglm.errors import OvglmError
from ovglm_serve.ask import Ask
from ovglm_serve.errors import ApiError, to_api_error
from ovglm_serve.generation import Count, Piece
from ovglm_serve.picture_reader import PictureReader
from ovglm_serve.pool import ModelPool
from ovglm_serve.schema.replies import ErrorReply
from ovglm_serve.served_model import ServedModel
from ovglm_serve.sse import DONE, EventStream, event, unless_gone

__all__ = [
    "ERRORS",
    "STREAM",
    "Form",
    "Writer",
    "find_model",
    "pool_of",
    "read_pictures",
    "reader_of",
    "send_stream",
]

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

    def begin(self) -> Iterator[Any]:
        """Write what comes before the first piece."""
        ...

    def write(self, piece: Piece) -> Iterator[Any]:
        """Write what a piece comes to."""
        ...

    def finish(self, count: Count) -> Iterator[Any]:
        """Write what follows the last piece."""
        ...

    def fail(self, error: ApiError) -> Iterator[Any]:
        """Write what comes instead of the rest."""
        ...


@dataclass(frozen=True)
class Form:
    """How a stream is written: each of its events, and its end where nothing failed."""

    encode: Callable[[Any], bytes] = event
    end: bytes = DONE

    def join(self, events: Iterator[Any]) -> bytes:
        """Write events."""
        return b"".join(map(self.encode, events))


def pool_of(request: Request) -> ModelPool:
    """Give the models that the app serves."""
    return request.app.state.models


async def find_model(request: Request, name: str) -> ServedModel:
    """Give a model that can be asked, loaded first where needed."""
    return await unless_gone(request, pool_of(request).get(name))


def reader_of(request: Request) -> PictureReader:
    """Give what reads the pictures that requests name."""
    return request.app.state.pictures


async def read_pictures(request: Request, model: ServedModel, ask: Ask) -> Ask:
    """Put the pictures into the messages."""
    reading = reader_of(request).put_in(model, ask.messages, ask.pictures)
    return replace(ask, messages=await unless_gone(request, reading), pictures=())


async def send_stream(
    request: Request,
    pieces: AsyncGenerator[Piece, None],
    writer: Writer,
    count: Count,
    form: Form | None = None,
) -> EventStream:
    """Begin a stream once its first piece is there: until then an error has a status of its own."""

    async def read_first() -> Piece:
        return await anext(pieces)

    first = await unless_gone(request, read_first())
    return EventStream(_write(first, pieces, writer, count, form or Form()))


async def _write(
    first: Piece, pieces: AsyncGenerator[Piece, None], writer: Writer, count: Count, form: Form
) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        try:
            yield form.join(writer.begin()) + form.join(writer.write(first))
            async for piece in pieces:
                if data := form.join(writer.write(piece)):
                    yield data
        except OvglmError as error:
            yield form.join(writer.fail(to_api_error(error)))
        except ApiError as error:
            yield form.join(writer.fail(error))
        else:
            yield form.join(writer.finish(count)) + form.end
