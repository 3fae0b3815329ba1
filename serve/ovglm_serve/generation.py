"""One prompt on one model: submitted, read, taken apart, counted. Knows no wire format."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

from ovglm.dialects.events import AnswerParser, CallBegan, CallEnded, Event, Said
from ovglm.engine import Answer
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture, prompt_tokens
from ovglm_serve.errors import ApiError
from ovglm_serve.schema.replies import FinishWord
from ovglm_serve.served_model import ServedModel

__all__ = ["Count", "Generation", "Piece", "Score", "check_ids", "check_length"]


@dataclass(frozen=True)
class Score:
    """A token, the natural logarithm of its probability, and the likeliest ids in its place."""

    token: int
    logprob: float
    best: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """What came to the answer `index`: events, scores of its tokens, and at its end the reason."""

    index: int
    events: tuple[Event, ...] = ()
    scores: tuple[Score, ...] = ()
    finish_reason: FinishWord | None = None


@dataclass
class Count:
    """The tokens of one or several prompts and of all answers to them."""

    prompt_tokens: int = 0
    reply_tokens: int = 0
    cached_tokens: int = 0


@dataclass
class _Part:
    """One of the answers, as far as it is."""

    parser: AnswerParser | None
    is_single: bool
    has_calls: bool = False
    is_over: bool = False

    def take(self, chunk: Chunk) -> list[Event]:
        """Give the events of a chunk; without a parser all text is said."""
        if self.parser is None:
            return [Said(chunk.text)] if chunk.text else []
        events = self.parser.push(chunk.text) if chunk.text else []
        if chunk.finish_reason is not None:
            events = [*events, *self.parser.finish()]
        self.has_calls = self.has_calls or any(isinstance(one, CallBegan) for one in events)
        return self._cut(events) if self.is_single else events

    def _cut(self, events: list[Event]) -> list[Event]:
        """End the answer with its first call."""
        for place, event in enumerate(events):
            if isinstance(event, CallEnded):
                self.is_over = True
                return events[: place + 1]
        return events


class Generation:
    """The answers to one prompt. `start` them, then read `pieces`, once."""

    def __init__(
        self,
        model: ServedModel,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        *,
        prompt_field: str,
        pictures: Sequence[Picture] = (),
        make_parser: Callable[[], AnswerParser] | None = None,
        is_single: bool = False,
        count: Count | None = None,
    ) -> None:
        """make_parser: gives the parser of one answer; None takes the text as it is.

        pictures: for which the prompt has places, in this order. prompt_field: the field of the
        request to blame for the prompt. is_single: an answer ends
        with its first call. count: where tokens are counted, if not in a count of its own.
        """
        self.count = count or Count()
        self._model = model
        self._prompt_ids = prompt_ids
        self._sampling = sampling
        self._pictures = pictures
        self._prompt_field = prompt_field
        self._answer: Answer | None = None
        self._parts = {
            index: _Part(make_parser() if make_parser else None, is_single)
            for index in range(sampling.n)
        }

    def start(self) -> None:
        """Submit the prompt. Raises ApiError where it is too long, else as the engine does.

        Belongs into the event loop: what a request holds is not given up from another thread.
        """
        engine = self._model.engine
        length = prompt_tokens(self._prompt_ids, self._pictures, engine.info.vision)
        room = check_length(self._model, length, self._prompt_field)
        longest = min(self._sampling.max_new_tokens, room)
        sampling = replace(self._sampling, max_new_tokens=longest)
        self._answer = engine.submit(self._prompt_ids, sampling, self._pictures)
        self.count.prompt_tokens += length

    def cancel(self) -> None:
        """End what is under way."""
        if self._answer is not None and self._parts:
            self._parts = {}
            self._answer.cancel()

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield what comes. Leaving before the end cancels the answers.

        Raises OvglmError where the engine fails, RequestError for what it cannot do.
        """
        assert self._answer is not None, "not started"
        chunks = cast("AsyncGenerator[Chunk, None]", aiter(self._answer))
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk.index in self._parts:
                        yield self._take(chunk)
                    if not self._parts:
                        return
        finally:
            self.cancel()

    def _take(self, chunk: Chunk) -> Piece:
        if chunk.finish_reason == "cancelled":
            raise ApiError(503, "the server ended this answer before its end", code="cancelled")
        self.count.reply_tokens += len(chunk.token_ids)
        if chunk.index == 0:  # the others read the prompt that this one has cached
            self.count.cached_tokens += chunk.cached_tokens
        part = self._parts[chunk.index]
        events = part.take(chunk)
        reason: FinishWord | None = chunk.finish_reason or ("stop" if part.is_over else None)
        if reason == "stop" and part.has_calls:
            reason = "tool_calls"
        if reason is not None:
            del self._parts[chunk.index]
        return Piece(chunk.index, tuple(events), _scores_of(chunk), reason)


def check_length(model: ServedModel, length: int, field: str) -> int:
    """Refuse a prompt of too many tokens; give those that are left for the answer."""
    info = model.engine.info
    longest = min(info.max_prompt, info.context - 1)
    if length > longest:
        raise ApiError(
            400,
            f"the prompt has {length} tokens; the longest that {model.name} takes on "
            f"{info.device} has {longest}",
            param=field,
            code="context_length_exceeded",
        )
    return info.context - length


def check_ids(model: ServedModel, ids: Iterable[int], field: str) -> None:
    """Refuse ids that the model does not have."""
    count = model.facts.vocabulary
    for token in ids:
        if not 0 <= token < count:
            text = f"'{field}': token id {token} is not one of the model's, 0 to {count - 1}"
            raise ApiError(400, text, param=field, code="invalid_value")


def _scores_of(chunk: Chunk) -> tuple[Score, ...]:
    best: Sequence[Any] = chunk.top_logprobs or [()] * len(chunk.logprobs)
    return tuple(map(Score, chunk.token_ids, chunk.logprobs, best))
