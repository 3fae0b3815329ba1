"""From the pieces of answers to the events of a streamed chat, as they come."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ovglm.dialects.events import CallBegan, CallGrew, Event, Said, Thought
from ovglm.tokens import Tokenizer
from ovglm_serve.errors import ApiError
from ovglm_serve.generation import Count, Piece, Score
from ovglm_serve.schema.replies import CallDelta, ChatChunk, ChatDelta, FinishWord
from ovglm_serve.translate.chat import new_call_id
from ovglm_serve.translate.identity import Identity, usage_of
from ovglm_serve.translate.scores import to_scores

__all__ = ["ChatStream"]


@dataclass
class ChatStream:
    """Writes the events of one streamed chat, which may have several answers.

    Scores wait for the next event of their answer: text may lag behind its tokens.
    """

    identity: Identity
    tokenizer: Tokenizer
    include_usage: bool
    _begun: set[int] = field(default_factory=set, init=False)
    _scores: dict[int, list[Score]] = field(default_factory=dict, init=False)

    def begin(self) -> Iterator[ChatChunk]:
        """Write nothing: the first piece begins the answer."""
        yield from ()

    def write(self, piece: Piece) -> Iterator[ChatChunk]:
        """Write what a piece comes to, often one event."""
        index = piece.index
        if piece.scores:
            self._scores.setdefault(index, []).extend(piece.scores)
        for event in piece.events:
            delta = _delta(event)
            if delta is not None:
                if index not in self._begun:
                    yield self._begin(index, "" if isinstance(event, Said) else None)
                yield self._chunk(index, delta)
        if piece.finish_reason is not None:
            if index not in self._begun:
                yield self._begin(index, "")
            yield self._chunk(index, {}, piece.finish_reason)

    def finish(self, count: Count) -> Iterator[ChatChunk]:
        """Write what follows the answers: the usage, where it was asked for."""
        if self.include_usage:
            yield {**self._empty(), "usage": usage_of(count)}

    def fail(self, error: ApiError) -> Iterator[dict[str, Any]]:
        """Write the error as it would have been a reply."""
        yield error.body

    def _begin(self, index: int, content: str | None) -> ChatChunk:
        self._begun.add(index)
        chunk = self._empty()
        delta: ChatDelta = {"role": "assistant", "content": content}
        chunk["choices"].append(
            {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
        )
        return chunk

    def _chunk(self, index: int, delta: ChatDelta, reason: FinishWord | None = None) -> ChatChunk:
        scores = self._scores.pop(index, None)
        logprobs = to_scores(scores, self.tokenizer) if scores else None
        chunk = self._empty()
        chunk["choices"].append(
            {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        )
        return chunk

    def _empty(self) -> ChatChunk:
        chunk: ChatChunk = {
            "id": self.identity.id,
            "object": "chat.completion.chunk",
            "created": self.identity.created,
            "model": self.identity.model,
            "system_fingerprint": self.identity.fingerprint,
            "choices": [],
        }
        if self.include_usage:
            chunk["usage"] = None
        return chunk


def _delta(event: Event) -> ChatDelta | None:
    match event:
        case Said(text):
            return {"content": text}
        case Thought(text):
            return {"reasoning_content": text}
        case CallBegan(index, name):
            return _call(
                {
                    "index": index,
                    "id": new_call_id(),
                    "type": "function",
                    "function": {"name": name, "arguments": ""},
                }
            )
        case CallGrew(index, text):
            return _call({"index": index, "function": {"arguments": text}})
        case _:
            return None


def _call(delta: CallDelta) -> ChatDelta:
    return {"tool_calls": [delta]}
