"""The requests that are open, and the count of all. Not thread-safe: its owner holds a lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters
from ovglm.engine.worker.messages import Submit
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, FinishReason, Sampling
from ovglm.pictures import Picture

__all__ = ["Desk"]


@dataclass
class _Request:
    message: Submit
    answer: QueuedAnswer
    parts_left: int


class Desk:
    """Takes in requests up to a limit, hands out their chunks, and counts.

    The counts outlive a restart of the worker, so they are kept here and not asked of the engine.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._next = 0
        self._open: dict[int, _Request] = {}
        self._counts = Counters()
        self._engine = Counters()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def messages(self) -> list[Submit]:
        """What opens the open requests, oldest first."""
        return [request.message for request in self._open.values()]

    @property
    def counters(self) -> Counters:
        """Count all requests; what waits and what the cache holds is as of the last heartbeat."""
        waiting = min(self._engine.waiting, len(self))
        return replace(
            self._counts,
            running=len(self) - waiting,
            waiting=waiting,
            cache_usage=self._engine.cache_usage,
            cache_bytes=self._engine.cache_bytes,
        )

    def take_in(
        self,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        cancel: Callable[[int], None],
        pictures: Sequence[Picture] = (),
        prompt_tokens: int | None = None,
    ) -> tuple[Submit, QueuedAnswer]:
        """Open a request; refuse it where too many are open. cancel: called with its number.

        prompt_tokens: what is counted, where pictures take more than the prompt has ids.
        """
        if len(self) >= self._limit:
            raise OvglmError(
                f"as many requests are open as are allowed: {len(self)}", "try again later"
            )
        number = self._next
        self._next += 1
        message = Submit.of(number, prompt_ids, sampling, pictures)
        answer = QueuedAnswer(lambda: cancel(number), sampling.n)
        self._open[number] = _Request(message, answer, sampling.n)
        count = len(message.prompt_ids) if prompt_tokens is None else prompt_tokens
        self._count(submitted=1, prompt_tokens=count)
        return message, answer

    def hand_out(self, pieces: Sequence[tuple[int, Chunk]]) -> bool:
        """Pass chunks on; say whether a request came to its end with an answer."""
        is_answered = False
        tokens = 0
        for number, chunk in pieces:
            request = self._open.get(number)
            if request is not None:
                tokens += len(chunk.token_ids)
                request.answer.put(chunk)
                if chunk.finish_reason is not None:
                    is_answered |= self._end_part(request, chunk.finish_reason)
        self._count(generated_tokens=tokens)
        return is_answered

    def withdraw(self, number: int) -> None:
        """End a request that no worker has seen."""
        request = self._open.get(number)
        if request is not None:
            ends = range(request.message.sampling.n)
            self.hand_out([(number, Chunk(finish_reason="cancelled", index=i)) for i in ends])

    def fail(self, number: int, error: OvglmError) -> None:
        """End one request with an error."""
        request = self._open.pop(number, None)
        if request is not None:
            request.answer.fail(error)
            self._count(failed=1)

    def note(self, engine: Counters) -> None:
        """Remember what the engine says of itself."""
        self._engine = engine

    def _end_part(self, request: _Request, reason: FinishReason) -> bool:
        """Note the end of one of a request's answers; say whether it was the last, and answered."""
        request.parts_left -= 1
        if request.parts_left:
            return False
        del self._open[request.message.request]
        is_cancelled = reason == "cancelled"
        self._count(cancelled=is_cancelled, finished=not is_cancelled)
        return not is_cancelled

    def _count(self, **more: int) -> None:
        counts = self._counts
        self._counts = replace(counts, **{k: getattr(counts, k) + n for k, n in more.items()})
