"""Prompts of random token ids, never the same twice, so that no prefix cache answers for the model.

Knows no text: the ids are those of ordinary tokens, without control tokens.
"""

import random
from collections.abc import Sequence

from ovglm.errors import OvglmError
from ovglm.tokens import Tokenizer

__all__ = ["RandomPrompts", "plain_ids"]


def plain_ids(tokenizer: Tokenizer) -> tuple[int, ...]:
    """List the ids that ordinary text can have."""
    controls = {tokenizer.token_id(token) for token in tokenizer.controls}
    ids = range(tokenizer.vocabulary_size)
    return tuple(one for one in ids if one not in controls and tokenizer.token_bytes(one))


class RandomPrompts:
    """Draws prompts; the same seed draws the same ones."""

    def __init__(self, ids: Sequence[int], seed: int = 0) -> None:
        self._ids = tuple(ids)
        self._random = random.Random(seed)
        self._drawn: set[tuple[int, ...]] = set()

    def draw(self, length: int) -> tuple[int, ...]:
        """Draw a prompt of `length` tokens that was not drawn before."""
        drawn = sum(len(one) == length for one in self._drawn)
        if drawn >= len(self._ids) ** length:
            raise OvglmError(
                f"there are only {drawn} different prompts of {length} tokens",
                hint=f"--prompt {length + 1}",
            )
        while (prompt := self._draw(length)) in self._drawn:
            continue
        self._drawn.add(prompt)
        return prompt

    def _draw(self, length: int) -> tuple[int, ...]:
        return tuple(self._random.choices(self._ids, k=length))
