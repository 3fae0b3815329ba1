"""Where pictures stand in turns as a template reads them, and in the ids of a prompt."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovglm.errors import RequestError
from ovglm.tokens import Tokenizer
from ovglm.vision_facts import VisionFacts

__all__ = ["check_places", "count_pictures", "fold_system", "hold_places", "placeholder"]

Turn = Mapping[str, Any]
# What THUDM/glm-4v-9b's own code writes between the tokens of a picture's begin and end.
_BETWEEN = "<|endoftext|>"


def count_pictures(turns: Sequence[Turn], vision: VisionFacts | None) -> int:
    """Count the parts of type image. Raises RequestError for more than the model takes."""
    count = sum(_is_picture(part) for turn in turns for part in _parts(turn))
    if count and vision is None:
        raise RequestError(
            "the conversation has a picture, and this model reads text alone",
            "leave the picture out; `ovglm models` tells which models take pictures",
        )
    if vision and count > vision.most_pictures:
        raise RequestError(
            f"the conversation has {count} pictures, and this model takes {vision.most_pictures} "
            "at most",
            "leave earlier ones out, or start a new conversation for the next picture",
        )
    return count


def fold_system(turns: Sequence[Turn]) -> list[Turn]:
    """Put the system instructions in front of the first user's text, a blank line between them.

    They stay where they are when no user has said anything.
    """
    place = next((at for at, turn in enumerate(turns) if turn["role"] == "user"), None)
    said = [_text_of(turn) for turn in turns if turn["role"] == "system"]
    instruction = "\n\n".join(text for text in said if text)
    if place is None or not instruction:
        return list(turns)
    user = turns[place]
    text = "\n\n".join(part for part in (instruction, _text_of(user)) if part)
    pictures = [part for part in _parts(user) if _is_picture(part)]
    content = [*pictures, {"type": "text", "text": text}] if pictures else text
    changed = [*turns[:place], {**user, "content": content}, *turns[place + 1 :]]
    return [turn for turn in changed if turn["role"] != "system"]


def hold_places(turns: Sequence[Turn], sign: str) -> list[Turn]:
    """Make texts of all parts, with `sign` for each picture, for a template that knows no parts."""
    return [{**turn, "content": _text_of(turn, sign)} if _parts(turn) else turn for turn in turns]


def placeholder(vision: VisionFacts, tokenizer: Tokenizer) -> list[int]:
    """Give the ids that stand for one picture."""
    if vision.placement == "each":
        return [vision.begin_id] * vision.vectors
    between = tokenizer.token_id(_BETWEEN)
    return [vision.begin_id, vision.end_id if between is None else between, vision.end_id]


def check_places(ids: Sequence[int], count: int, vision: VisionFacts) -> None:
    """Refuse a prompt whose template wrote other places than those of `count` pictures."""
    wanted = count * (vision.vectors if vision.placement == "each" else 1)
    begins = [at for at, token in enumerate(ids) if token == vision.begin_id]
    ends = [at for at in begins if list(ids[at + 2 : at + 3]) == [vision.end_id]]
    is_whole = vision.placement == "each" or len(ends) == wanted
    if len(begins) != wanted or not is_whole:
        raise RequestError(
            f"the chat template writes {len(begins)} places for {count} "
            f"picture{'s' * (count != 1)}; the model reads {wanted}",
            "export the model again, with its own chat template",
        )


def _parts(turn: Turn) -> Sequence[Mapping[str, Any]]:
    """Give a turn's parts; none where its content is a text."""
    content = turn.get("content")
    return content if isinstance(content, (list, tuple)) else ()


def _is_picture(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "image"


def _text_of(turn: Turn, sign: str = "") -> str:
    """Join a turn's texts, with `sign` for each picture."""
    parts = _parts(turn)
    if not parts:
        return turn.get("content") or ""
    return "".join(sign if _is_picture(part) else part.get("text", "") for part in parts)
