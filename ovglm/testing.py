"""Stand-ins for tests, yours and ours: an engine without a model. Knows no OpenVINO."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts

__all__ = ["FakeEngine"]


class FakeEngine:
    """Answer every prompt with the same ids, and remember what was asked.

    decode: gives the text of the ids that were made so far; without it chunks have no text.
    vision: of a model that takes pictures. requests, pictures: one entry for each prompt.
    """

    def __init__(
        self,
        reply_ids: Sequence[int],
        device: str = "CPU",
        context: int = 4096,
        decode: Callable[[Sequence[int]], str] | None = None,
        vision: VisionFacts | None = None,
    ) -> None:
        self.info = EngineInfo(
            model="fake", folder="", kind="vision" if vision else "paged", device=device,
            device_name=f"a fake {device}", reason="it was asked for", context=context,
            max_prompt=context - 1, load_s=0.0, vision=vision,
            vision_device=device if vision else "",
        )  # fmt: skip
        self.requests: list[tuple[tuple[int, ...], Sampling]] = []
        self.pictures: list[tuple[Picture, ...]] = []
        self.is_closed = False
        self._reply_ids = tuple(reply_ids)
        self._decode = decode

    @property
    def counters(self) -> Counters:
        """Count what was asked for; all of it is finished."""
        count = len(self.requests)
        return Counters(submitted=count, finished=count)

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Answer one id at a time, cut at `max_new_tokens` as a real engine would."""
        self.requests.append((tuple(prompt_ids), sampling))
        self.pictures.append(tuple(pictures))
        answer = QueuedAnswer(lambda: None, sampling.n)
        ids = self._reply_ids[: sampling.max_new_tokens]
        reason = "length" if len(self._reply_ids) > sampling.max_new_tokens else "stop"
        for index in range(sampling.n):
            before = 0
            for text in accumulate(((one,) for one in ids), lambda made, one: made + one):
                shown = self._decode(text) if self._decode else ""
                answer.put(Chunk(text[-1:], shown[before:], index=index))
                before = len(shown)
            answer.put(Chunk(finish_reason=reason, index=index))
        return answer

    def close(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True
