"""The likeliest tokens in each place of an answer, which the paged pipeline does not give.

The static one gives no log-probabilities at all, so those of its own tokens are found here, too, on
the CPU: an NPU's compiled model has its last logits only.

The model is compiled a second time, without paging, when the first request asks for them: that
takes the memory of its weights once more, and 2 x layers x heads x head size numbers of cache for
each token of the answers that are being scored. Requests that do not ask pay nothing but their
share of the device.

On the CPU it computes in float32. The engine rounds where it was not told otherwise, so what it
chose need not be the likeliest here: measured with nano in INT4 on prompts of random tokens, where
much is near a tie, 30 of 640 greedy tokens were not; their logarithms differed by 0.02 in the
median and by 1.1 at most. With an engine in float32 it was 0.00003.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from ovglm.engine.logits import LogitsModel, Reading, likeliest
from ovglm.engine.native import native_failure
from ovglm.messages import Chunk

__all__ = ["Line", "Scorer"]


@dataclass(eq=False)
class Line:
    """One answer that is scored; `ids` are those that the model has not read yet.

    give: takes the scored chunks. fail: takes the error that ends them. is_over: whether nobody
    wants them any more.
    """

    ids: list[int]
    count: int
    give: Callable[[Chunk], object]
    fail: Callable[[BaseException], object]
    is_over: Callable[[], bool]
    reading: Reading | None = field(default=None, repr=False)


class Scorer:
    """Reads answers after the engine, in a thread of its own, in the order they are made."""

    def __init__(self, folder: Path, device: str, properties: Mapping[str, Any]) -> None:
        """properties: of the engine; its threads and whatever else is not about rounding."""
        self.model = LogitsModel(folder, device, properties, exact=device.startswith("CPU"))
        self._queue: SimpleQueue[tuple[Line, Chunk | BaseException] | None] = SimpleQueue()
        self._thread: Thread | None = None

    def put(self, line: Line, item: Chunk | BaseException) -> None:
        """Score a chunk and give it on, or give on the error that ended the answer."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="ovglm scorer", daemon=True)
            self._thread.start()
        self._queue.put((line, item))

    def close(self) -> None:
        """Give on what is left, and end."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        self.model.close()

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            line, item = entry
            if isinstance(item, BaseException):
                line.fail(item)
                continue
            try:
                scored = self._score(line, item)
            except RuntimeError as error:
                what = "the log-probabilities could not be computed"
                line.fail(native_failure(what, error, "ask without logprobs"))
            else:
                line.give(scored)
            if item.finish_reason:
                line.reading = None

    def _score(self, line: Line, chunk: Chunk) -> Chunk:
        ids = chunk.token_ids
        if not ids or line.is_over():
            return chunk
        if line.reading is None:
            line.reading = self.model.start()
        pieces = line.reading.go_on([*line.ids, *ids[:-1]], len(ids))
        places = np.concatenate(list(pieces))
        line.ids = [ids[-1]]
        own = tuple(float(place[token]) for place, token in zip(places, ids, strict=True))
        best = tuple(likeliest(place, line.count) for place in places) if line.count else ()
        return replace(chunk, logprobs=own, top_logprobs=best)
