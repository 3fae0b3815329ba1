"""One request on its way through an engine: what was asked, and the answers as far as they are."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.config import Seeds
from ovglm.engine.constraint import to_structure
from ovglm.engine.limits import Limits
from ovglm.engine.scorer import Line, Scorer
from ovglm.engine.tally import Tally
from ovglm.engine.text import AnswerText, Likeliest
from ovglm.messages import Chunk, FinishReason, Sampling
from ovglm.tokens import Tokenizer

__all__ = ["Job"]


class Job:
    """A request and its reader's end. One thread fills it; `cancel` may come from any other.

    parts: how many answers are to be computed. Greedy answers to one prompt are all equal, so one
    is, and its chunks are given out `n` times.
    """

    def __init__(
        self,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        tokenizer: Tokenizer,
        limits: Limits,
        tally: Tally,
        scorer: Scorer | None = None,
        prompt_tokens: int | None = None,
    ) -> None:
        """Raise RequestError where the model cannot take the prompt, or not hold the constraint.

        scorer: through which the answers go, where the engine does not score them itself.
        prompt_tokens: of the prompt, where its pictures take more of them than it has ids.
        """
        self.prompt_tokens = len(prompt_ids) if prompt_tokens is None else prompt_tokens
        limits.check_prompt(prompt_ids, self.prompt_tokens)
        self.structure = to_structure(sampling.constraint) if sampling.constraint else None
        self.prompt_ids = tuple(prompt_ids)
        self.sampling = sampling
        self.seeds = Seeds(sampling)
        self.parts = 1 if sampling.is_greedy else sampling.n
        self.is_cancelled = False
        self.on_cancel: Callable[[], object] = lambda: None
        self.answer = QueuedAnswer(self.cancel, sampling.n)
        self._tally = tally
        self._texts = [
            AnswerText(tokenizer, sampling, limits.stop_ids, index) for index in range(self.parts)
        ]
        self._parts_left = self.parts
        self._cached = [0] * self.parts
        self._scorer = scorer
        self._lines = [self._line() for _ in range(self.parts)] if self._scorer else []
        tally.add(submitted=1, prompt_tokens=self.prompt_tokens)

    @property
    def is_over(self) -> bool:
        """Whether the reader has all that will come."""
        return self._parts_left == 0

    def cancel(self) -> None:
        """Ask the engine to end this request."""
        self.is_cancelled = True
        self.on_cancel()

    def push(
        self,
        part: int,
        ids: Sequence[int],
        logprobs: Sequence[float] = (),
        best: Sequence[Likeliest] = (),
    ) -> bool:
        """Give the reader the next ids of one part; say whether that part is over now."""
        if not self.sampling.logprobs:
            logprobs = ()
        if chunk := self._texts[part].push(ids, logprobs, best):
            self._put(chunk)
        return self._texts[part].finish_reason is not None

    def finish(self, part: int, reason: FinishReason) -> None:
        """End one part that neither a stop id nor a stop text ended."""
        if not self.is_over and not self._texts[part].finish_reason:
            self._put(self._texts[part].finish(reason), reason == "cancelled")

    def finish_all(self, reason: FinishReason) -> None:
        """End every part that is not over."""
        for part in range(self.parts):
            self.finish(part, reason)

    def fail(self, error: BaseException) -> None:
        """End the whole request with an error; what its reader has stays true."""
        if not self.is_over:
            self._parts_left = 0
            self._tally.add(failed=1)
            if self._scorer:
                self._scorer.put(self._lines[0], error)
            else:
                self.answer.fail(error)

    def note_cached(self, part: int, count: int) -> None:
        """Note how many of the prompt's tokens one part found in the cache, as it starts."""
        self._cached[part] = count

    def _line(self) -> Line:
        best = self.sampling.top_logprobs
        return Line(
            [*self.prompt_ids], best, self._give, self.answer.fail, lambda: self.is_cancelled
        )

    def _put(self, chunk: Chunk, is_cancelled: bool = False) -> None:
        if cached := self._cached[chunk.index]:
            chunk = replace(chunk, cached_tokens=cached)
            self._cached[chunk.index] = 0
        copies = self.sampling.n if self.parts == 1 else 1
        # counted before the reader can see it and ask
        self._tally.add(generated_tokens=len(chunk.token_ids) * copies)
        if chunk.finish_reason:
            self._parts_left -= 1
            if self.is_over:
                self._tally.add(**{"cancelled" if is_cancelled else "finished": 1})
        if self._scorer:
            self._scorer.put(self._lines[chunk.index], chunk)
        else:
            self._give(chunk)

    def _give(self, chunk: Chunk) -> None:
        for index in range(self.sampling.n) if self.parts == 1 else (chunk.index,):
            self.answer.put(chunk if index == chunk.index else replace(chunk, index=index))
