"""What both hubs' listings have in common: only plain, safe, complete entries get in."""

from collections.abc import Iterable, Mapping
from typing import Any

from ovglm.hub.names import is_hub_id, is_safe_file_name
from ovglm.hub.remote import RemoteFile

__all__ = ["as_hex", "keep_safe", "made_from"]


def keep_safe(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Keep the files of the top folder whose names are safe."""
    kept: dict[str, RemoteFile] = {}
    for file in files:
        if is_safe_file_name(file.name) and file.size >= 0:
            kept.setdefault(file.name, file)
    return tuple(sorted(kept.values(), key=lambda file: file.name))


def as_hex(text: object, digits: int) -> str | None:
    """Give a checksum in lower case; None where it is none."""
    if not isinstance(text, str) or len(text) != digits:
        return None
    lower = text.lower()
    return lower if all(letter in "0123456789abcdef" for letter in lower) else None


def made_from(card: Mapping[str, Any]) -> str | None:
    """Read from a model card which repository this one was made from."""
    told = card.get("base_model")
    first = told[0] if isinstance(told, list) and told else told
    return first if isinstance(first, str) and is_hub_id(first) else None
