"""Stand-ins for tests, yours and ours: an engine without a model. Knows no OpenVINO."""

from collections.abc import Generator, Sequence

from ovglm.messages import Chunk, Sampling

__all__ = ["FakeEngine"]


class FakeEngine:
    """Answer every prompt with the same ids, and remember what was asked."""

    def __init__(self, reply_ids: Sequence[int], device: str = "CPU") -> None:
        self.device = device
        self.requests: list[tuple[tuple[int, ...], Sampling]] = []
        self._reply_ids = tuple(reply_ids)

    def generate(
        self, prompt_ids: Sequence[int], sampling: Sampling
    ) -> Generator[Chunk, None, None]:
        """Yield the reply one id at a time, cut at `max_new_tokens` as a real engine would."""
        self.requests.append((tuple(prompt_ids), sampling))
        for token_id in self._reply_ids[: sampling.max_new_tokens]:
            yield Chunk((token_id,))
        is_cut = len(self._reply_ids) > sampling.max_new_tokens
        yield Chunk(finish_reason="length" if is_cut else "stop")
