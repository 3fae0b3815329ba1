"""POST /v1/responses."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from ovglm.sampling import recommended_sampling
from ovglm_serve.conversation import prepare
from ovglm_serve.generation import Count, Piece
from ovglm_serve.routes.common import ERRORS, STREAM, Form, find_model, read_pictures, send_stream
from ovglm_serve.schema.responses import ResponseRequest
from ovglm_serve.schema.responses_replies import ResponseReply
from ovglm_serve.sse import JsonReply, event, unless_gone
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
    ask = await read_pictures(request, model, ask)
    with blame_fields():
        generation = await asyncio.to_thread(prepare, model, ask)
        generation.start()
    writer = ResponseWriter(new_identity("resp", model), model.tokenizer, body, ask)
    pieces = generation.pieces()
    if ask.is_streamed:
        return await send_stream(request, pieces, writer, generation.count, _NAMED)
    await unless_gone(request, _read_all(pieces, writer, generation.count))
    return JsonReply(writer.reply)


async def _read_all(
    pieces: AsyncGenerator[Piece, None], writer: ResponseWriter, count: Count
) -> None:
    """Read the answer to its end; the events are made and not sent."""
    async for piece in pieces:
        deque(writer.write(piece), maxlen=0)
    deque(writer.finish(count), maxlen=0)


def _encode(told: StreamEvent) -> bytes:
    """Write an event with its name in front, as this API's clients expect it."""
    return b"event: " + told["type"].encode() + b"\n" + event(told)


# This API's streams end with an event that says so.
_NAMED = Form(_encode, end=b"")
