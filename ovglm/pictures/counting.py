"""How many pictures messages have, and how many tokens of a prompt these take."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ovglm.pictures.picture import Picture
from ovglm.vision_facts import VisionFacts

if TYPE_CHECKING:
    from ovglm.messages import Message

__all__ = ["pictures_of", "prompt_tokens"]


def pictures_of(messages: "Sequence[Message]") -> tuple[Picture, ...]:
    """Give all pictures of a conversation, in the order in which its prompt holds their places."""
    return tuple(picture for message in messages for picture in message.pictures)


def prompt_tokens(
    prompt_ids: Sequence[int], pictures: Sequence[Picture], facts: VisionFacts | None
) -> int:
    """Count what the model reads of a prompt: its tokens, each vector of a picture as one.

    prompt_ids: with the placeholders of the pictures.
    """
    if facts is None:
        return len(prompt_ids)
    return len(prompt_ids) + len(pictures) * (facts.vectors - facts.placeholder_tokens)
