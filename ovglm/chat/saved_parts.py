"""The content of a saved turn: a text, or OpenAI's parts where pictures are in it."""

from collections.abc import Sequence
from typing import Any

from ovglm.errors import OvglmError, PictureError
from ovglm.messages import Message
from ovglm.pictures import Picture, is_data_url, read_data_url, read_picture, to_data_url
from ovglm.vision_facts import VisionFacts

__all__ = ["from_content", "to_content"]


def from_content(turn: Message, vision: VisionFacts | None) -> str | list[dict[str, Any]]:
    """Write a turn's text, or its pictures as data: URLs and then its text."""
    if not turn.pictures or vision is None:
        return turn.content
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": to_data_url(picture, vision)}}
        for picture in turn.pictures
    ]
    return [*parts, *([{"type": "text", "text": turn.content}] if turn.content else [])]


def to_content(
    content: str | Sequence[object], place: str, vision: VisionFacts | None
) -> tuple[str, tuple[Picture, ...]]:
    """Read a text and pictures, parts in any order.

    place: what errors call the turn. vision: of the model that is to see them, None for none.
    Raises OvglmError for other parts, for pictures elsewhere, and for those the model cannot see.
    """
    if isinstance(content, str):
        return content, ()
    texts: list[str] = []
    pictures: list[Picture] = []
    for number, part in enumerate(content, 1):
        name = f"{place}, part {number}"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url" and isinstance(part, dict):
            pictures.append(_to_picture(part.get("image_url"), name, vision))
        else:
            raise OvglmError(f"{name} is neither a text nor a picture")
    return "\n".join(texts), tuple(pictures)


def _to_picture(holder: object, name: str, vision: VisionFacts | None) -> Picture:
    url = holder.get("url") if isinstance(holder, dict) else None
    if not isinstance(url, str) or not is_data_url(url):
        raise OvglmError(f"{name} is a picture elsewhere; only a data: URL is read from a file")
    if vision is None:
        raise OvglmError(f"{name} is a picture, and this model reads text alone", "ovglm models")
    try:
        raw = read_data_url(url)
    except PictureError as error:
        raise PictureError(f"{name}: {error.message}", error.hint) from error
    return read_picture(raw, vision, name)
