"""Choosing the next token from logits, with the steps of openvino_genai's sampler in its order.

They are (2026.4, sampling/logit_processor.hpp): repetition, presence and frequency penalty, then,
unless greedy, top_k, temperature, min_p, top_p. Its generator of random numbers is another one, so
equal seeds give equal answers here, but not those of the other engines.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ovglm.engine.logits import likeliest, logarithms
from ovglm.engine.text import Likeliest
from ovglm.messages import Sampling

__all__ = ["Choice", "Sampler"]


@dataclass(frozen=True)
class Choice:
    """A token; its log-probability and the likeliest tokens, where they were asked for.

    Both are the model's own, before penalties and temperature.
    """

    token: int
    logprob: float = 0.0
    best: Likeliest = ()


class Sampler:
    """Makes one answer's choices; remembers them, as penalties and the seed need it."""

    def __init__(self, sampling: Sampling, prompt_ids: Iterable[int], seed: int) -> None:
        """prompt_ids: what of the prompt the repetition penalty is about."""
        self._sampling = sampling
        self._prompt_ids = frozenset(prompt_ids)
        self._random = np.random.default_rng(seed)
        self._made: Counter[int] = Counter()

    def choose(self, logits: np.ndarray) -> Choice:
        """Choose by float32 logits [vocabulary]."""
        scores = self._penalize(logits)
        token = int(scores.argmax()) if self._sampling.is_greedy else self._draw(scores)
        self._made[token] += 1
        if not self._sampling.logprobs:
            return Choice(token)
        own = logarithms(logits)
        count = self._sampling.top_logprobs
        return Choice(token, float(own[token]), likeliest(own, count) if count else ())

    def _penalize(self, logits: np.ndarray) -> np.ndarray:
        """Apply the penalties; that two of them raise logits below zero is the library's way."""
        asked = self._sampling
        scores = logits.astype(np.float32)
        if asked.repetition_penalty != 1:
            ids = np.fromiter(self._prompt_ids | self._made.keys(), dtype=np.int64)
            values = scores[ids]
            penalty = asked.repetition_penalty
            scores[ids] = np.where(values >= 0, values / penalty, values * penalty)
        if self._made and (asked.presence_penalty or asked.frequency_penalty):
            ids = np.fromiter(self._made.keys(), dtype=np.int64)
            counts = np.fromiter(self._made.values(), dtype=np.float32)
            for step in (asked.presence_penalty, asked.frequency_penalty * counts):
                values = scores[ids]
                scores[ids] = np.where(values >= 0, values - step, values + step)
        return scores

    def _draw(self, scores: np.ndarray) -> int:
        asked = self._sampling
        ids = np.arange(len(scores))
        if 0 < asked.top_k < len(scores):
            ids = np.sort(np.argpartition(-scores, asked.top_k - 1)[: asked.top_k])
        kept = scores[ids].astype(np.float64)
        weights = np.exp((kept - kept.max()) / asked.temperature)
        weights /= weights.sum()
        if asked.min_p:
            is_kept = weights >= asked.min_p * weights.max()
            ids, weights = ids[is_kept], weights[is_kept]
        if asked.top_p < 1:
            order = _nucleus(weights, asked.top_p)
            ids, weights = ids[order], weights[order]
        sums = weights.cumsum()
        place = np.searchsorted(sums, self._random.random() * sums[-1], side="right")
        return int(ids[min(place, len(ids) - 1)])


def _nucleus(weights: np.ndarray, top_p: float) -> np.ndarray:
    """Give the places of the likeliest tokens that together have more than `top_p`, best first.

    The tokens below (1 - top_p) / count have less than 1 - top_p together, so where the others have
    enough without them, they need no sorting.
    """
    large = np.flatnonzero(weights >= (1 - top_p) / len(weights))
    if weights[large].sum() <= top_p:
        large = np.arange(len(weights))
    order = large[np.argsort(-weights[large], kind="stable")]
    sums = weights[order].cumsum()
    return order[: int(np.searchsorted(sums, top_p, side="right")) + 1]
