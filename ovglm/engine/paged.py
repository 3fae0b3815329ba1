"""The engine for the CPU: openvino.genai's pipeline with paged attention."""

import random
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

import numpy as np
import openvino
import openvino_genai

from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling

__all__ = ["PagedEngine", "load_paged_engine"]


# Float32 throughout, as golden tokens are made; the defaults round more and run faster.
_EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}


def load_paged_engine(
    folder: Path, device: str, stop_ids: Sequence[int], *, exact: bool = False
) -> "PagedEngine":
    """Load the exported model in `folder` onto `device`; any of `stop_ids` ends an answer.

    exact: compute in float32 without rounding activations or the KV cache, at half the speed.
    """
    if not stop_ids:
        raise OvglmError(f"{folder} names no stop id, so an answer would never end")
    properties = _EXACT if exact else {}
    load: Any = openvino_genai.LLMPipeline  # its stub does not know properties given by keyword
    pipeline = load(str(folder), device, ATTENTION_BACKEND="PA", **properties)
    return PagedEngine(pipeline, device, frozenset(stop_ids))


class PagedEngine:
    """One loaded pipeline; it answers one prompt at a time."""

    def __init__(
        self, pipeline: openvino_genai.LLMPipeline, device: str, stop_ids: frozenset[int]
    ) -> None:
        self._pipeline = pipeline
        self._device = device
        self._stop_ids = stop_ids

    @property
    def device(self) -> str:
        """The device that really runs."""
        return self._device

    def generate(
        self, prompt_ids: Sequence[int], sampling: Sampling
    ) -> Generator[Chunk, None, None]:
        """Yield one chunk per token, the stop id left out; closing the generator ends the work."""
        relay = _Relay()
        ids = openvino.Tensor(np.asarray([prompt_ids], dtype=np.int64))
        config = _to_config(sampling, self._stop_ids)
        with ThreadPoolExecutor(max_workers=1) as worker:
            # generate() releases the GIL, so the reader stays responsive; step() would hold it.
            work = worker.submit(self._pipeline.generate, ids, config, relay)
            work.add_done_callback(lambda _: relay.items.put(None))
            try:
                yield from self._read(relay, work)
            finally:
                relay.cancelled.set()

    def _read(self, relay: "_Relay", work: "Future[object]") -> Generator[Chunk, None, None]:
        while (token_id := relay.items.get()) is not None:
            if token_id in self._stop_ids:
                yield Chunk(finish_reason="stop")
                return
            yield Chunk((token_id,))
        work.result()  # raises what the worker raised
        yield Chunk(finish_reason="length")


class _Relay(openvino_genai.StreamerBase):
    """Hands ids from the working thread to the reader; None means that no more will come."""

    def __init__(self) -> None:
        super().__init__()
        self.items: SimpleQueue[int | None] = SimpleQueue()
        self.cancelled = Event()

    def write(self, token: int | Sequence[int]) -> openvino_genai.StreamingStatus:
        for one in [token] if isinstance(token, int) else token:
            self.items.put(int(one))
        status = openvino_genai.StreamingStatus
        return status.CANCEL if self.cancelled.is_set() else status.RUNNING

    def end(self) -> None:
        pass


def _to_config(sampling: Sampling, stop_ids: frozenset[int]) -> openvino_genai.GenerationConfig:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = sampling.max_new_tokens
    config.apply_chat_template = False
    config.eos_token_id = min(stop_ids)
    config.stop_token_ids = set(stop_ids)
    config.repetition_penalty = sampling.repetition_penalty
    config.do_sample = not sampling.is_greedy
    if config.do_sample:
        config.temperature = sampling.temperature
        config.top_p = sampling.top_p
        if sampling.top_k:
            config.top_k = sampling.top_k
        # the runtime's own default is always the same seed
        config.rng_seed = random.getrandbits(32) if sampling.seed is None else sampling.seed
    return config
