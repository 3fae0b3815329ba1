"""POST /v1/chat/completions."""

import asyncio

from fastapi import APIRouter, Request, Response

from ovglm.sampling import recommended_sampling
from ovglm_serve.conversation import prepare
from ovglm_serve.routes.common import ERRORS, STREAM, find_model, read_pictures, send_stream
from ovglm_serve.schema.chat import ChatRequest
from ovglm_serve.schema.replies import ChatCompletion
from ovglm_serve.sse import JsonReply, unless_gone
from ovglm_serve.translate.asks import to_ask
from ovglm_serve.translate.chat import WholeChat, read_all
from ovglm_serve.translate.chat_stream import ChatStream
from ovglm_serve.translate.identity import new_identity

__all__ = ["router"]

router = APIRouter()


@router.post(
    "/v1/chat/completions",
    responses={200: {"model": ChatCompletion, "content": STREAM}, **ERRORS},
)
async def create_chat_completion(body: ChatRequest, request: Request) -> Response:
    """Go on with a conversation, in one go or streamed."""
    model = await find_model(request, body.model)
    ask = to_ask(body, recommended_sampling(model.facts.folder))
    ask = await read_pictures(request, model, ask)
    generation = await asyncio.to_thread(prepare, model, ask)
    generation.start()
    identity, pieces = new_identity("chatcmpl", model), generation.pieces()
    if ask.is_streamed:
        stream = ChatStream(identity, model.tokenizer, ask.include_usage)
        return await send_stream(request, pieces, stream, generation.count)
    replies = await unless_gone(request, read_all(pieces, ask.sampling.n))
    writer = WholeChat(identity, model.tokenizer, ask.sampling.logprobs)
    return JsonReply(writer.write(replies, generation.count))
