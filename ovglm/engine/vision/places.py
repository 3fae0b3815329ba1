"""What stands in each place of the language model's input: a token, or one vector of a picture.

Knows no OpenVINO. The rules are those of the two families, as VisionFacts states them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovglm.errors import RequestError
from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts

__all__ = ["Key", "Places", "lay_out"]

# A token's id; or the digest of a picture's pixels, and which of its vectors it is.
Key = int | tuple[str, int]


@dataclass(frozen=True, eq=False)
class Places:
    """A prompt as the language model reads it.

    keys: what stands in each place. positions: int64 [places], of the rotary embedding.
    next_position: of the first token of the answer. text_ids: the ids that are text.
    """

    keys: tuple[Key, ...]
    positions: np.ndarray
    next_position: int
    text_ids: tuple[int, ...]


def lay_out(prompt_ids: Sequence[int], pictures: Sequence[Picture], facts: VisionFacts) -> Places:
    """Put the pictures' vectors in the place of their placeholders, in order.

    Raises RequestError where the prompt has not one whole placeholder for each picture, or where
    there are more pictures than the model takes.
    """
    if len(pictures) > facts.most_pictures:
        raise RequestError(
            f"there are {len(pictures)} pictures, and the model takes {facts.most_pictures}",
            hint="leave out the others, or begin a new conversation",
        )
    starts = _find_placeholders(prompt_ids, len(pictures), facts)
    keys: list[Key] = []
    text: list[int] = []
    steps: list[int] = []  # from each place's position to that of the next place
    end = 0
    for start, picture in zip(starts, pictures, strict=True):
        between = prompt_ids[end:start]
        keys += between
        text += between
        steps += [1] * len(between) + _picture_steps(facts)
        keys += ((picture.digest, number) for number in range(facts.vectors))
        end = start + facts.placeholder_tokens
    rest = prompt_ids[end:]
    steps += [1] * len(rest)
    positions = np.cumsum([0, *steps], dtype=np.int64)
    return Places((*keys, *rest), positions[:-1], int(positions[-1]), (*text, *rest))


def _picture_steps(facts: VisionFacts) -> list[int]:
    """Give the way from each vector's position to the next one's.

    Where positions are shared all patches, those between the first and the last vector, have one.
    """
    if facts.positions == "each":
        return [1] * facts.vectors
    return [1, *[0] * (facts.vectors - 3), 1, 1]


def _find_placeholders(ids: Sequence[int], count: int, facts: VisionFacts) -> list[int]:
    """Find where the placeholder of each of the pictures begins."""
    begins = [place for place, token in enumerate(ids) if token == facts.begin_id]
    starts = begins[:: facts.vectors] if facts.placement == "each" else begins
    is_whole = all(_is_placeholder(ids[at : at + facts.placeholder_tokens], facts) for at in starts)
    if len(starts) != count or not is_whole:
        wanted = count * facts.placeholder_tokens
        raise RequestError(
            f"the prompt does not hold the {wanted} placeholder tokens of {count} pictures"
            if count
            else f"the prompt holds token {facts.begin_id}, which stands for a picture, and none "
            "came with it",
            hint="put a picture into the conversation wherever the prompt has its placeholder",
        )
    return starts


def _is_placeholder(ids: Sequence[int], facts: VisionFacts) -> bool:
    if facts.placement == "each":
        return list(ids) == [facts.begin_id] * facts.vectors
    return len(ids) == facts.placeholder_tokens and ids[-1] == facts.end_id
