"""From the pieces of texts to the reply of /v1/completions, in one go or streamed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ovglm.dialects.events import Said
from ovglm.tokens import Tokenizer
from ovglm_serve.errors import ApiError
from ovglm_serve.generation import Count, Piece, Score
from ovglm_serve.schema.replies import Completion, CompletionChoice, CompletionScores, FinishWord
from ovglm_serve.translate.chat import WholeReply
from ovglm_serve.translate.identity import Identity, usage_of
from ovglm_serve.translate.scores import to_completion_scores

__all__ = ["CompletionWriter"]


@dataclass
class CompletionWriter:
    """Writes the texts of one request. heads: for each text what is put in front of it."""

    identity: Identity
    tokenizer: Tokenizer
    heads: Sequence[str]
    has_scores: bool
    include_usage: bool = False
    _begun: set[int] = field(default_factory=set, init=False)
    _offsets: dict[int, int] = field(default_factory=dict, init=False)
    _scores: dict[int, list[Score]] = field(default_factory=dict, init=False)

    def write_all(self, replies: Sequence[WholeReply], count: Count) -> Completion:
        """Write texts that are complete."""
        whole = self._empty()
        whole["usage"] = usage_of(count)
        for index, (head, reply) in enumerate(zip(self.heads, replies, strict=True)):
            scores = self._write_scores(index, reply.scores)
            text = head + reply.said
            whole["choices"].append(_choice(index, text, scores, reply.finish_reason))
        return whole

    def begin(self) -> Iterator[Completion]:
        """Write nothing: the first piece begins the answer."""
        yield from ()

    def write(self, piece: Piece) -> Iterator[Completion]:
        """Write what a piece comes to, at most one event."""
        index = piece.index
        text = "".join(event.text for event in piece.events if isinstance(event, Said))
        if index not in self._begun:
            self._begun.add(index)
            text = self.heads[index] + text
        self._scores.setdefault(index, []).extend(piece.scores)
        if text or piece.finish_reason is not None:
            scores = self._write_scores(index, self._scores.pop(index))
            chunk = self._empty()
            chunk["choices"].append(_choice(index, text, scores, piece.finish_reason))
            yield chunk

    def finish(self, count: Count) -> Iterator[Completion]:
        """Write what follows the texts: the usage, where it was asked for."""
        if self.include_usage:
            yield {**self._empty(), "usage": usage_of(count)}

    def fail(self, error: ApiError) -> Iterator[dict[str, Any]]:
        """Write the error as it would have been a reply."""
        yield error.body

    def _write_scores(self, index: int, scores: Sequence[Score]) -> CompletionScores | None:
        if not self.has_scores:
            return None
        offset = self._offsets.get(index, 0)
        written = to_completion_scores(scores, self.tokenizer, offset)
        self._offsets[index] = offset + sum(map(len, written["tokens"]))
        return written

    def _empty(self) -> Completion:
        chunk: Completion = {
            "id": self.identity.id,
            "object": "text_completion",
            "created": self.identity.created,
            "model": self.identity.model,
            "system_fingerprint": self.identity.fingerprint,
            "choices": [],
        }
        if self.include_usage:
            chunk["usage"] = None
        return chunk


def _choice(
    index: int, text: str, scores: CompletionScores | None, reason: FinishWord | None
) -> CompletionChoice:
    return {"index": index, "text": text, "logprobs": scores, "finish_reason": reason}
