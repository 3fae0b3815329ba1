"""From the pieces of an answer to the reply of /v1/responses: its events, and all in one."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said, Thought
from ovglm.tokens import Tokenizer
from ovglm_serve.ask import Ask
from ovglm_serve.errors import ApiError
from ovglm_serve.generation import Count, Piece
from ovglm_serve.schema.responses import ResponseRequest
from ovglm_serve.schema.responses_replies import OutputItem, ResponseReply, ResponseUsage, Status
from ovglm_serve.translate.identity import Identity
from ovglm_serve.translate.responses_items import Draft, DraftCall, DraftMessage, DraftThought

__all__ = ["ResponseWriter", "StreamEvent"]

# An event, by the names of its fields; `type` is first.
StreamEvent = dict[str, Any]


@dataclass
class ResponseWriter:
    """Writes one response. `write` its pieces, then `finish` it or `fail`; then `reply` is whole.

    A stream sends the events; in one go they are made too, and only the reply is sent, so that
    both come to the same.
    """

    identity: Identity
    tokenizer: Tokenizer
    request: ResponseRequest
    ask: Ask
    reply: ResponseReply = field(init=False)
    _open: Draft | None = field(default=None, init=False)
    _number: int = field(default=0, init=False)
    _thought: str = field(default="", init=False)
    _is_cut: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.reply = _begin_reply(self.identity, self.request, self.ask)

    def begin(self) -> Iterator[StreamEvent]:
        """Tell that the answer is being made."""
        for name in ("created", "in_progress"):
            yield self._tell(name, response={**self.reply, "output": []})

    def write(self, piece: Piece) -> Iterator[StreamEvent]:
        """Tell what a piece comes to."""
        self._is_cut = piece.finish_reason == "length"
        for place, event in enumerate(piece.events, 1):
            is_cut = self._is_cut and place == len(piece.events)
            yield from self._add(event, "incomplete" if is_cut else "completed")

    def finish(self, count: Count) -> Iterator[StreamEvent]:
        """End the response; it is incomplete where its length was reached."""
        status: Literal["incomplete", "completed"] = "incomplete" if self._is_cut else "completed"
        if self._open is None and not self.reply["output"]:
            yield from self._begin(DraftMessage())
        yield from self._end(status)
        self.reply["status"] = status
        self.reply["usage"] = self._usage(count)
        if self._is_cut:
            self.reply["incomplete_details"] = {"reason": "max_output_tokens"}
        else:
            self.reply["completed_at"] = int(time.time())
        yield self._tell(status, response=self.reply)

    def fail(self, error: ApiError) -> Iterator[StreamEvent]:
        """End the response with an error; what has come stays in it."""
        yield from self._end("incomplete")
        self.reply["status"] = "failed"
        # the words that OpenAI has for it
        code = "server_error" if error.status >= 500 else "invalid_prompt"
        self.reply["error"] = {"code": code, "message": error.message}
        yield self._tell("failed", response=self.reply)

    def _add(self, event: Event, status: Status) -> Iterator[StreamEvent]:
        match event:
            case Said(text):
                yield from self._grow(DraftMessage, text)
            case Thought(text):
                self._thought += text
                yield from self._grow(DraftThought, text)
            case CallBegan(_, name):
                yield from self._begin(DraftCall(name))
            case CallGrew(_, text):
                assert isinstance(self._open, DraftCall), "a call grows that has not begun"
                yield self._tell_of(self._open.grow(text))
            case CallEnded():
                yield from self._end(status)

    def _grow(self, kind: type[DraftMessage | DraftThought], text: str) -> Iterator[StreamEvent]:
        """Add to the open item, or to a new one where that is of another kind."""
        if not isinstance(self._open, kind):
            yield from self._begin(kind())
        assert self._open is not None
        yield self._tell_of(self._open.grow(text))

    def _begin(self, draft: Draft) -> Iterator[StreamEvent]:
        yield from self._end("completed")
        self._open = draft
        place = len(self.reply["output"])
        item = draft.item("in_progress")
        yield self._tell("output_item.added", output_index=place, item=item)
        yield from map(self._tell_of, draft.begin())

    def _end(self, status: Status) -> Iterator[StreamEvent]:
        draft = self._open
        if draft is None:
            return
        yield from map(self._tell_of, draft.end())
        item: OutputItem = draft.item(status)
        yield self._tell("output_item.done", output_index=len(self.reply["output"]), item=item)
        self.reply["output"].append(item)
        self._open = None

    def _tell_of(self, told: tuple[str, Mapping[str, Any]]) -> StreamEvent:
        """Tell something of the open item."""
        assert self._open is not None
        name, fields = told
        place = len(self.reply["output"])
        return self._tell(name, item_id=self._open.id, output_index=place, **fields)

    def _tell(self, name: str, /, **fields: Any) -> StreamEvent:
        number = self._number
        self._number += 1
        return {"type": f"response.{name}", "sequence_number": number, **fields}

    def _usage(self, count: Count) -> ResponseUsage:
        """Count. The tokens of the thought are those it has when it is encoded."""
        thought = len(self.tokenizer.encode(self._thought, allow_special=False))
        return {
            "input_tokens": count.prompt_tokens,
            # what a cache keeps costs nothing extra here
            "input_tokens_details": {"cached_tokens": count.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": count.reply_tokens,
            "output_tokens_details": {"reasoning_tokens": min(thought, count.reply_tokens)},
            "total_tokens": count.prompt_tokens + count.reply_tokens,
        }


def _begin_reply(identity: Identity, request: ResponseRequest, ask: Ask) -> ResponseReply:
    reply: ResponseReply = {
        "id": identity.id.replace("-", "_", 1),  # clients know these ids by "resp_"
        "object": "response",
        "created_at": identity.created,
        "completed_at": None,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": identity.model,
        "system_fingerprint": identity.fingerprint,
        "output": [],
        "usage": None,
        "background": False,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "parallel_tool_calls": ask.parallel,
        "previous_response_id": None,
        "reasoning": {
            "effort": request.reasoning.effort if request.reasoning else None,
            "summary": None,
        },
        "store": False,
        "temperature": ask.sampling.temperature,
        "text": {"format": _format_of(request)},
        "tool_choice": _choice_of(request),
        "tools": [_tool_of(tool.model_dump()) for tool in request.tools or ()],
        "top_p": ask.sampling.top_p,
        "truncation": "disabled",
    }
    if request.user is not None:
        reply["user"] = request.user
    return reply


def _format_of(request: ResponseRequest) -> dict[str, Any]:
    wanted = request.text.format if request.text else None
    if wanted is None:
        return {"type": "text"}
    return wanted.model_dump(by_alias=True, exclude_none=True)


def _choice_of(request: ResponseRequest) -> str | dict[str, Any]:
    choice = request.tool_choice or "auto"
    return choice if isinstance(choice, str) else choice.model_dump()


def _tool_of(tool: dict[str, Any]) -> dict[str, Any]:
    return {**tool, "strict": bool(tool["strict"])}
