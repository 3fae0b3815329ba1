"""POST /v1/completions."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from ovglm.sampling import recommended_sampling
from ovglm.template import encode_text
from ovglm_serve.ask import TextAsk
from ovglm_serve.generation import Count, Generation, Piece, check_ids
from ovglm_serve.routes.common import ERRORS, STREAM, find_model, send_stream
from ovglm_serve.schema.completions import CompletionRequest
from ovglm_serve.schema.replies import Completion
from ovglm_serve.served_model import ServedModel
from ovglm_serve.sse import JsonReply, unless_gone
from ovglm_serve.translate.asks import to_text_ask
from ovglm_serve.translate.chat import read_all
from ovglm_serve.translate.completions import CompletionWriter
from ovglm_serve.translate.identity import new_identity

__all__ = ["router"]

router = APIRouter()


@router.post("/v1/completions", responses={200: {"model": Completion, "content": STREAM}, **ERRORS})
async def create_completion(body: CompletionRequest, request: Request) -> Response:
    """Go on with texts or token ids as they stand, in one go or streamed."""
    model = await find_model(request, body.model)
    ask = to_text_ask(body, recommended_sampling(model.facts.folder))
    count = Count()
    generations = await asyncio.to_thread(_prepare, model, ask, count)
    _start(generations)
    pieces = _read_in_turn(generations, ask.sampling.n)
    writer = CompletionWriter(
        new_identity("cmpl", model),
        model.tokenizer,
        heads=[head for head in _heads(model, ask) for _ in range(ask.sampling.n)],
        has_scores=ask.sampling.logprobs,
        include_usage=ask.include_usage,
    )
    if ask.is_streamed:
        return await send_stream(request, pieces, writer, count)
    replies = await unless_gone(request, read_all(pieces, len(writer.heads)))
    return JsonReply(writer.write_all(replies, count))


def _prepare(model: ServedModel, ask: TextAsk, count: Count) -> list[Generation]:
    return [
        Generation(model, _to_ids(model, prompt), ask.sampling, prompt_field="prompt", count=count)
        for prompt in ask.prompts
    ]


def _to_ids(model: ServedModel, prompt: str | Sequence[int]) -> Sequence[int]:
    if isinstance(prompt, str):
        return encode_text(model.template, model.tokenizer, prompt)
    check_ids(model, prompt, "prompt")
    return prompt


def _start(generations: Sequence[Generation]) -> None:
    """Start all, or none: a prompt that is refused ends those before it."""
    with ExitStack() as on_failure:
        for generation in generations:
            on_failure.callback(generation.cancel)
            generation.start()
        on_failure.pop_all()


async def _read_in_turn(generations: Sequence[Generation], n: int) -> AsyncGenerator[Piece, None]:
    """Read one prompt's answers after the other's, while all are made; number them through."""
    with ExitStack() as at_end:
        for generation in generations:
            at_end.callback(generation.cancel)
        for place, generation in enumerate(generations):
            async for piece in generation.pieces():
                yield replace(piece, index=place * n + piece.index)


def _heads(model: ServedModel, ask: TextAsk) -> list[str]:
    """Give for each prompt what is shown of it in front of its answers."""
    if not ask.echo:
        return [""] * len(ask.prompts)
    decode = model.tokenizer.decode
    return [one if isinstance(one, str) else decode(one) for one in ask.prompts]
