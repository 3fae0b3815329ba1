"""POST /v1/tokenize and /v1/detokenize."""

import asyncio

from fastapi import APIRouter, Request, Response

from ovglm.pictures import pictures_of, prompt_tokens
from ovglm_serve.conversation import encode_messages
from ovglm_serve.generation import check_ids
from ovglm_serve.routes.common import ERRORS, find_model, reader_of
from ovglm_serve.schema.replies import Detokenized, Tokenized
from ovglm_serve.schema.tokens import DetokenizeRequest, TokenizeRequest
from ovglm_serve.sse import JsonReply
from ovglm_serve.translate.messages import to_messages, to_pictures
from ovglm_serve.translate.tools import to_tools

__all__ = ["router"]

router = APIRouter()


@router.post("/v1/tokenize", responses={200: {"model": Tokenized}, **ERRORS})
async def tokenize(body: TokenizeRequest, request: Request) -> Response:
    """Give the token ids of a text, or of messages as the chat endpoint would write them."""
    model = await find_model(request, body.model)
    if body.messages is not None:
        messages, tools = to_messages(body.messages), to_tools(body.tools)
        named = to_pictures(body.messages)
        messages = await reader_of(request).put_in(model, messages, named)
        tokens = await asyncio.to_thread(encode_messages, model, messages, tools)
        count = prompt_tokens(tokens, pictures_of(messages), model.engine.info.vision)
    else:
        tokens = model.tokenizer.encode(body.prompt or "", allow_special=False)
        count = len(tokens)
    context = model.engine.info.context
    return JsonReply(Tokenized(tokens=tokens, count=count, max_model_len=context))


@router.post("/v1/detokenize", responses={200: {"model": Detokenized}, **ERRORS})
async def detokenize(body: DetokenizeRequest, request: Request) -> Response:
    """Give the text of token ids, control tokens included."""
    model = await find_model(request, body.model)
    check_ids(model, body.tokens, "tokens")
    text = model.tokenizer.decode(body.tokens, skip_special=False)
    return JsonReply(Detokenized(prompt=text))
