"""From one answer's token ids to chunks of text. Knows stop ids and stop texts, but no engine."""

from collections.abc import Collection, Sequence

from ovglm.engine.stops import StopFinder
from ovglm.messages import Chunk, FinishReason, Sampling
from ovglm.tokens import TextStream, Tokenizer

__all__ = ["AnswerText", "Likeliest"]

# Ids and their natural logarithms in one place of an answer, best first.
Likeliest = tuple[tuple[int, float], ...]


class AnswerText:
    """Turns the ids of one answer into chunks, and says when the answer is over.

    finish_reason: `stop` once a stop id or a stop text came; the engine should then end the
    request, and what it gives after that is ignored.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        sampling: Sampling,
        stop_ids: Collection[int],
        index: int = 0,
    ) -> None:
        """index: which of the answers to one prompt this is."""
        self.finish_reason: FinishReason | None = None
        self.index = index
        self._text = TextStream(tokenizer, skip_special=not sampling.keep_special)
        self._stops = StopFinder(sampling.stop)
        self._stop_ids = frozenset() if sampling.ignore_eos else frozenset(stop_ids)

    def push(
        self,
        ids: Sequence[int],
        logprobs: Sequence[float] = (),
        best: Sequence[Likeliest] = (),
    ) -> Chunk | None:
        """Take the next ids; give their chunk, None where the answer was over before them.

        A stop id is no part of the answer. The ids of a stop text are, its characters are not.
        """
        if self.finish_reason:
            return None
        count, text = 0, ""
        for token in ids:
            if token in self._stop_ids:
                self.finish_reason = "stop"
                text += self._flush()
                break
            count += 1
            text += self._stops.push(self._text.push(token))
            if self._stops.is_found:
                self.finish_reason = "stop"
                break
        return self._chunk(text, tuple(ids[:count]), tuple(logprobs[:count]), tuple(best[:count]))

    def finish(self, reason: FinishReason) -> Chunk:
        """End an answer that no stop ended; give its last chunk."""
        text = self._flush()
        self.finish_reason = "stop" if self._stops.is_found else reason
        return self._chunk(text)

    def _flush(self) -> str:
        return self._stops.push(self._text.flush()) + self._stops.flush()

    def _chunk(
        self,
        text: str,
        ids: tuple[int, ...] = (),
        logprobs: tuple[float, ...] = (),
        best: tuple[Likeliest, ...] = (),
    ) -> Chunk:
        return Chunk(ids, text, logprobs, self.finish_reason, self.index, best)
