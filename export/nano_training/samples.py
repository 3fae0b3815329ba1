"""What one sample is and how content is split; knows no skill and no tokenizer."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
HELD_OUT_SHARE = 0.12


@dataclass(frozen=True)
class Sample:
    """A conversation that ends with the assistant message to be learned.

    `keys[0]` names the content that decides the split; the other keys name contents that must
    not leak from the held-out side of another skill (a sum inside a conversation, for example).
    `match` is "text", "json" or "call": how an answer is compared.
    """

    group: str
    messages: tuple[Message, ...]
    keys: tuple[str, ...]
    match: str = "text"

    @property
    def prompt(self) -> list[Message]:
        """Return the messages before the answer."""
        return list(self.messages[:-1])

    @property
    def answer(self) -> str:
        """Return the text expected after `<|assistant|>`, without its stop token."""
        last = self.messages[-1]
        return f"{last.get('metadata', '')}\n{last['content']}"

    @property
    def is_call(self) -> bool:
        """Return whether the answer is a tool call (it then ends with `<|observation|>`)."""
        return bool(self.messages[-1].get("metadata"))


Skill = Callable[[random.Random], Sample]


def is_held_out(key: str) -> bool:
    """Return the side of the split on which a content lies, by a hash of its name."""
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
    return number < HELD_OUT_SHARE * 2**32


def for_training(sample: Sample) -> bool:
    """Return whether a sample may be trained on: none of its contents is held out."""
    return not any(is_held_out(key) for key in sample.keys)


def for_evaluation(sample: Sample) -> bool:
    """Return whether a sample may be asked in the evaluation: its own content is held out."""
    return is_held_out(sample.keys[0])


def user(content: str) -> Message:
    """Return a user message."""
    return {"role": "user", "content": content}


def assistant(content: str, call: str = "") -> Message:
    """Return an assistant message, or a tool call when `call` names a function."""
    message = {"role": "assistant", "content": content}
    return {**message, "metadata": call} if call else message


def pick(rng: random.Random, options: Sequence[Any]) -> Any:
    """Return one of the options."""
    return options[rng.randrange(len(options))]
