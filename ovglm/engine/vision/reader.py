"""Reads prompts with pictures. What the language model has read already is not read again."""

from collections.abc import Sequence

import numpy as np

from ovglm.engine.vision.parts import Cancelled, IsCancelled, LanguageModel, TextEmbeddings, Tower
from ovglm.engine.vision.places import Key, Places
from ovglm.pictures import Picture

__all__ = ["Reader"]


class Reader:
    """The three parts, and what stands in the KV cache."""

    def __init__(self, tower: Tower, embeddings: TextEmbeddings, language: LanguageModel) -> None:
        self._tower = tower
        self._embeddings = embeddings
        self._language = language
        self._read: list[Key] = []

    @property
    def size(self) -> int:
        """How many places the KV cache holds."""
        return len(self._read)

    def read_prompt(
        self, places: Places, pictures: Sequence[Picture], is_cancelled: IsCancelled
    ) -> tuple[np.ndarray, int]:
        """Read a prompt; give the logits behind it, and how many of its places were in the cache.

        A picture that is there already is not seen again. Raises Cancelled where that is so, and
        RuntimeError as the runtime, after which everything has to be forgotten.
        """
        keys = places.keys
        reused = self._language.keep(_count_equal(self._read, keys[:-1]))
        del self._read[reused:]
        wanted = {key[0] for key in keys[reused:] if isinstance(key, tuple)}
        seen = {
            one.digest: self._tower.see(one, is_cancelled)
            for one in pictures
            if one.digest in wanted
        }
        logits = np.empty(0, dtype=np.float32)
        for start in range(reused, len(keys), self._language.step):
            if is_cancelled():
                raise Cancelled
            end = start + self._language.step
            logits = self._go_on(keys[start:end], places.positions[start:end], seen)
        return logits, reused

    def read_token(self, token: int, position: int) -> np.ndarray:
        """Read one token of the answer; give the logits behind it."""
        return self._go_on((token,), np.array([position], dtype=np.int64), {})

    def forget(self) -> None:
        """Empty the KV cache."""
        self._read.clear()
        self._language.keep(0)

    def _go_on(
        self, keys: Sequence[Key], positions: np.ndarray, seen: dict[str, np.ndarray]
    ) -> np.ndarray:
        # the place of a vector is looked up like the token 0, and then overwritten
        ids = np.array([key if isinstance(key, int) else 0 for key in keys], dtype=np.int64)
        embeds = self._embeddings.of(ids[None])[0]
        for row, key in enumerate(keys):
            if isinstance(key, tuple):
                digest, number = key
                embeds[row] = seen[digest][number]
        logits = self._language.go_on(embeds, positions)
        self._read += keys
        return logits


def _count_equal(before: Sequence[Key], now: Sequence[Key]) -> int:
    """Count the keys that two sequences begin with alike."""
    shorter = min(len(before), len(now))
    pairs = zip(before, now, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), shorter)
