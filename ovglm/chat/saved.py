"""Conversations as JSON files: written whole, and read with every error named."""

import json
import os
from pathlib import Path
from typing import Any

from ovglm.chat.conversation import Conversation
from ovglm.errors import OvglmError
from ovglm.messages import Message
from ovglm.store import home_folder

__all__ = ["list_saved", "load_conversation", "save_conversation", "saved_path"]

FORMAT_VERSION = 1
KIND = "ovglm conversation"


def saved_path(name: str) -> Path:
    """Give the file that `name` means: a path, or a bare name in ovglm's own folder."""
    path = Path(name).expanduser()
    if path.name == name and not path.suffix:
        return _folder() / f"{name}.json"
    return path.absolute()


def list_saved() -> list[str]:
    """List the names of the conversations in ovglm's own folder."""
    return sorted(file.stem for file in _folder().glob("*.json"))


def save_conversation(path: Path, conversation: Conversation, model: str) -> None:
    """Write the conversation; refuse to overwrite a file that is something else."""
    if path.exists():
        _read(path)
    document = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "model": model,
        "system": conversation.system,
        "turns": [{"role": turn.role, "content": turn.content} for turn in conversation.turns],
    }
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        draft.write_text(text + "\n", encoding="utf-8", newline="\n")
        os.replace(draft, path)
    except OSError as error:
        raise OvglmError(f"{path} cannot be written: {error.strerror or error}") from error


def load_conversation(path: Path) -> Conversation:
    """Read a conversation; raise OvglmError that names what is wrong with the file."""
    if not path.exists():
        raise OvglmError(f"there is no file {path}", hint="/load, which lists the saved ones")
    document = _read(path)
    system, turns = document.get("system", ""), document.get("turns")
    if not isinstance(system, str):
        raise OvglmError(f"{path}: its system instruction is not a text")
    if not isinstance(turns, list):
        raise OvglmError(f"{path}: it has no list of turns")
    return Conversation(system, tuple(_to_turn(path, n, one) for n, one in enumerate(turns)))


def _folder() -> Path:
    return home_folder() / "chats"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OvglmError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise OvglmError(f"{path} is no saved conversation: it is not JSON ({error})") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise OvglmError(f"{path} is no saved conversation")
    if document.get("format_version") != FORMAT_VERSION:
        raise OvglmError(
            f"{path} is of format version {document.get('format_version')}; "
            f"this ovglm reads {FORMAT_VERSION}",
            hint="update ovglm",
        )
    return document


def _to_turn(path: Path, number: int, raw: object) -> Message:
    """Users speak first and then in turns, as the templates want it."""
    role = "assistant" if number % 2 else "user"
    if not isinstance(raw, dict) or not isinstance(raw.get("content"), str):
        raise OvglmError(f"{path}: turn {number + 1} has no text")
    if raw.get("role") != role:
        raise OvglmError(f"{path}: turn {number + 1} is of {raw.get('role')!r}, not of the {role}")
    return Message(role, raw["content"])
