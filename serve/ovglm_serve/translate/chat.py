"""From the pieces of answers to the reply of a chat, in one go."""

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from ovglm.dialects.events import CallBegan, CallGrew, Event, Said, Thought
from ovglm.tokens import Tokenizer
from ovglm_serve.generation import Count, Piece, Score
from ovglm_serve.schema.replies import (
    ChatChoice,
    ChatCompletion,
    FinishWord,
    ReplyMessage,
)
from ovglm_serve.translate.identity import Identity, usage_of
from ovglm_serve.translate.scores import to_scores

__all__ = ["WholeChat", "WholeReply", "new_call_id", "read_all"]


def new_call_id() -> str:
    """Make the id of a call."""
    return f"call_{uuid4().hex[:24]}"


@dataclass
class WholeCall:
    """A call as far as it has come; `arguments` is the text of a JSON object."""

    name: str
    arguments: str = ""
    id: str = field(default_factory=new_call_id)


@dataclass
class WholeReply:
    """One answer as far as it has come."""

    said: str = ""
    thought: str = ""
    calls: dict[int, WholeCall] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    finish_reason: FinishWord = "stop"

    def take(self, piece: Piece) -> None:
        """Add a piece."""
        for event in piece.events:
            self._add(event)
        self.scores += piece.scores
        if piece.finish_reason is not None:
            self.finish_reason = piece.finish_reason

    def _add(self, event: Event) -> None:
        match event:
            case Said(text):
                self.said += text
            case Thought(text):
                self.thought += text
            case CallBegan(index, name):
                self.calls[index] = WholeCall(name)
            case CallGrew(index, text):
                self.calls[index].arguments += text

    @property
    def content(self) -> str | None:
        """What was said; null where there is something else instead."""
        return self.said or (None if self.calls or self.thought else "")


async def read_all(pieces: AsyncIterable[Piece], n: int) -> list[WholeReply]:
    """Read `n` answers to their end."""
    replies = [WholeReply() for _ in range(n)]
    async for piece in pieces:
        replies[piece.index].take(piece)
    return replies


@dataclass(frozen=True)
class WholeChat:
    """Writes the reply of a chat. has_scores: whether log-probabilities were asked for."""

    identity: Identity
    tokenizer: Tokenizer
    has_scores: bool

    def write(self, replies: Iterable[WholeReply], count: Count) -> ChatCompletion:
        """Write answers that are complete."""
        return {
            "id": self.identity.id,
            "object": "chat.completion",
            "created": self.identity.created,
            "model": self.identity.model,
            "system_fingerprint": self.identity.fingerprint,
            "choices": [self._choice(index, one) for index, one in enumerate(replies)],
            "usage": usage_of(count),
        }

    def _choice(self, index: int, reply: WholeReply) -> ChatChoice:
        return {
            "index": index,
            "message": _message(reply),
            "logprobs": to_scores(reply.scores, self.tokenizer) if self.has_scores else None,
            "finish_reason": reply.finish_reason,
        }


def _message(reply: WholeReply) -> ReplyMessage:
    message: ReplyMessage = {"role": "assistant", "content": reply.content, "refusal": None}
    if reply.thought:
        message["reasoning_content"] = reply.thought
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for _, call in sorted(reply.calls.items())
        ]
    return message
