"""POST /v1/responses."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from ovglm.errors import OvglmError
from ovglm.sampling import recommended_sampling
from ovglm_serve.conversation import prepare
from ovglm_serve.errors import ApiError, to_api_error
from ovglm_serve.generation import Count, Generation, Piece
from ovglm_serve.routes.common import ERRORS, STREAM, find_model
from ovglm_serve.schema.responses import ResponseRequest
from ovglm_serve.schema.responses_replies import ResponseReply
from ovglm_serve.sse import EventStream, JsonReply, event, unless_gone
from ovglm_serve.translate.identity import new_identity
from ovglm_serve.translate.responses import ResponseWriter, StreamEvent
from ovglm_serve.translate.responses_ask import blame_fields, to_response_ask

__all__ = ["router"]

router = APIRouter()


@router.post(
    "/v1/responses", responses={200: {"model": ResponseReply, "content": STREAM}, **ERRORS}
)
async def create_response(body: ResponseRequest, request: Request) -> Response:
    """Go on with a conversation, in one go or streamed. Nothing is stored."""
    model = await find_model(request, body.model)
    ask = to_response_ask(body, recommended_sampling(model.facts.folder))
    with blame_fields():
        generation = await asyncio.to_thread(prepare, model, ask)
        generation.start()
    writer = ResponseWriter(new_identity("resp", model), model.tokenizer, body, ask)
    if ask.is_streamed:
        pieces = generation.pieces()
        first = await unless_gone(request, _read_first(pieces))
        return EventStream(_send(first, pieces, writer, generation.count))
    return JsonReply(await unless_gone(request, _read_all(generation, writer)))


async def _read_first(pieces: AsyncGenerator[Piece, None]) -> Piece:
    """Wait for the first piece: until it is there, an error has a status of its own."""
    return await anext(pieces)


async def _read_all(generation: Generation, writer: ResponseWriter) -> ResponseReply:
    """Read the answer to its end; the events are not sent."""
    async for piece in generation.pieces():
        _join(writer.write(piece))
    _join(writer.finish(generation.count))
    return writer.reply


async def _send(
    first: Piece, pieces: AsyncGenerator[Piece, None], writer: ResponseWriter, count: Count
) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        try:
            yield _join(writer.begin()) + _join(writer.write(first))
            async for piece in pieces:
                if data := _join(writer.write(piece)):
                    yield data
        except ApiError as error:
            yield _join(writer.fail(error))
            return
        except OvglmError as error:
            yield _join(writer.fail(to_api_error(error)))
            return
        yield _join(writer.finish(count))


def _join(events: Iterable[StreamEvent]) -> bytes:
    """Write events with their names in front, as this API's clients expect them."""
    return b"".join(b"event: " + one["type"].encode() + b"\n" + event(one) for one in events)
