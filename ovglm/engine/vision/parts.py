"""The three compiled parts of a model that sees. Knows neither prompts nor requests."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ovglm.devices.tower import MOST_HIDDEN
from ovglm.pictures import Picture, normalize
from ovglm.vision_facts import VisionFacts

__all__ = ["Cancelled", "IsCancelled", "LanguageModel", "TextEmbeddings", "Tower"]

IsCancelled = Callable[[], bool]

# Pictures whose vectors are kept: 4.7 MB each of GLM-Edge-V-2B, 26 MB of GLM-4V-9B.
_KEPT_PICTURES = 8
# How often a long inference is asked whether anyone still wants it.
_LOOK_MS = 50


class Cancelled(Exception):
    """Nobody wants any more what was being computed."""


class TextEmbeddings:
    """The table of the tokens' vectors."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Look ids [batch, places] up: float32 [batch, places, hidden size]."""
        return self._request.infer({"input": ids.astype(np.int64)})["inputs_embeds"]


class Tower:
    """Turns pictures into vectors, and keeps those of the latest ones by the pixels' digest."""

    def __init__(self, compiled: Any, facts: VisionFacts) -> None:
        self._request = compiled.create_infer_request()
        self._facts = facts
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()

    def see(self, picture: Picture, is_cancelled: IsCancelled) -> np.ndarray:
        """Give a picture's vectors, float32 [vectors, hidden size].

        Raises Cancelled within a moment where that is so, RuntimeError as the runtime.
        """
        if picture.digest not in self._kept:
            self._kept[picture.digest] = self._run(picture, is_cancelled)
            if len(self._kept) > _KEPT_PICTURES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(picture.digest)
        return self._kept[picture.digest]

    def _run(self, picture: Picture, is_cancelled: IsCancelled) -> np.ndarray:
        pixels = np.ascontiguousarray(normalize(picture, self._facts)[None])
        self._request.start_async({"pixel_values": pixels}, share_inputs=True)
        while not self._request.wait_for(_LOOK_MS):
            if is_cancelled():
                self._cancel()
        self._request.wait()  # raises what went wrong
        if is_cancelled():
            raise Cancelled
        return np.array(self._request.get_tensor("last_hidden_state").data[0])

    def _cancel(self) -> None:
        self._request.cancel()
        try:
            self._request.wait()
        except RuntimeError as error:  # says that it was cancelled
            raise Cancelled from error


class LanguageModel:
    """A language model with its KV cache.

    step: the most places that it reads in one inference.

    What is forgotten stays in the cache, and the mask hides it: taking a state out of the plugin
    and putting a part of it back makes copies in float32 that stay (170 MB of 2964 places of
    GLM-Edge-1.5B's shape, whose cache is 98 MB). Once too much is hidden, all is forgotten.
    """

    def __init__(self, compiled: Any, step: int, *, keeps: bool = True) -> None:
        """keeps: whether a part of the cache can be kept; an NPU empties it for every prompt."""
        self.step = step
        self._keeps = keeps
        self._mask = np.ones(0, dtype=np.int64)
        self._request = compiled.create_infer_request()

    def go_on(self, embeds: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Read vectors [places, hidden size] at these positions; give the logits behind the last.

        float32 [vocabulary]; they are overwritten by the next call.
        """
        mask = np.concatenate([self._mask, np.ones(len(embeds), dtype=np.int64)])
        results = self._request.infer(
            {
                "inputs_embeds": embeds[None],
                "attention_mask": mask[None],
                "position_ids": positions[None],
                "beam_idx": np.zeros(1, dtype=np.int32),
            },
            share_inputs=True,
            share_outputs=True,
        )
        self._mask = mask
        return results["logits"][0, -1]

    def keep(self, count: int) -> int:
        """Forget all but the first `count` places; give how many are left, count or none."""
        seen = np.flatnonzero(self._mask)
        if not self._keeps or count == 0 or len(self._mask) - count > MOST_HIDDEN:
            if self._keeps:
                self._request.reset_state()
            self._mask = self._mask[:0]
            return 0
        self._mask[seen[count:]] = 0
        return count
