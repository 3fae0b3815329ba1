"""Conversations as JSON files: written whole, and read with every error named."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ovglm.chat.conversation import Conversation
from ovglm.chat.saved_parts import from_content, to_content
from ovglm.dialects.history import Place, check_history
from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall
from ovglm.store import home_folder
from ovglm.vision_facts import VisionFacts

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


def save_conversation(
    path: Path, conversation: Conversation, model: str, vision: VisionFacts | None = None
) -> None:
    """Write the conversation; refuse to overwrite a file that is something else.

    vision: of the model, where the conversation has pictures; they are kept as the model saw them.
    """
    if path.exists():
        _read(path)
    document = {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "model": model,
        "system": conversation.system,
        "turns": [_from_turn(turn, vision) for turn in conversation.turns],
    }
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        draft.write_text(text + "\n", encoding="utf-8", newline="\n")
        os.replace(draft, path)
    except OSError as error:
        raise OvglmError(f"{path} cannot be written: {error.strerror or error}") from error


def load_conversation(path: Path, vision: VisionFacts | None = None) -> Conversation:
    """Read a conversation; raise OvglmError that names what is wrong with the file.

    vision: of the model that is to go on with it; None where it reads text alone.
    """
    if not path.exists():
        raise OvglmError(f"there is no file {path}", hint="/load, which lists the saved ones")
    document = _read(path)
    system, turns = document.get("system", ""), document.get("turns")
    if not isinstance(system, str):
        raise OvglmError(f"{path}: its system instruction is not a text")
    if not isinstance(turns, list):
        raise OvglmError(f"{path}: it has no list of turns")
    read = tuple(_to_turn(path, number, one, vision) for number, one in enumerate(turns))
    _check_order(path, read)
    conversation = Conversation(system, read)
    count, most = len(conversation.pictures), vision.most_pictures if vision else 0
    if count > most:
        raise OvglmError(f"{path} has {count} pictures; this model takes {most} in a conversation")
    return conversation


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


def _from_turn(turn: Message, vision: VisionFacts | None) -> dict[str, Any]:
    """Write a turn in the fields of OpenAI's chat, which the server's page writes and reads too."""
    raw: dict[str, Any] = {"role": turn.role, "content": from_content(turn, vision)}
    if turn.thought:
        raw["reasoning_content"] = turn.thought
    if turn.tool_call_id:
        raw["tool_call_id"] = turn.tool_call_id
    if turn.tool_calls:
        raw["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.tool_calls
        ]
    return raw


def _to_turn(path: Path, number: int, raw: object, vision: VisionFacts | None) -> Message:
    if not isinstance(raw, dict) or not isinstance(raw.get("content"), str | list):
        raise OvglmError(f"{path}: turn {number + 1} has no text")
    text, pictures = to_content(raw["content"], f"{path}: turn {number + 1}", vision)
    role = raw.get("role")
    if role not in ("user", "assistant", "tool"):
        raise OvglmError(f"{path}: turn {number + 1} is of {role!r}")
    if pictures and role != "user":
        raise OvglmError(f"{path}: turn {number + 1}, of {role!r}, has a picture")
    calls = raw.get("tool_calls", [])
    texts = (raw.get("tool_call_id", ""), raw.get("reasoning_content", ""))
    if not isinstance(calls, list) or not all(isinstance(text, str) for text in texts):
        raise OvglmError(f"{path}: turn {number + 1} has a field of a wrong type")
    return Message(
        role,
        text,
        tool_calls=tuple(_to_call(path, number, call) for call in calls),
        tool_call_id=texts[0],
        thought=texts[1],
        pictures=pictures,
    )


def _to_call(path: Path, number: int, raw: object) -> ToolCall:
    function = raw.get("function") if isinstance(raw, dict) else None
    if isinstance(raw, dict) and isinstance(function, dict):
        name, arguments, id_ = function.get("name"), function.get("arguments"), raw.get("id")
        if isinstance(name, str) and isinstance(arguments, str) and isinstance(id_, str):
            return ToolCall(name, arguments, id_)
    raise OvglmError(f"{path}: turn {number + 1} has a call without name, arguments and id")


def _check_order(path: Path, turns: Sequence[Message]) -> None:
    """Users speak first and then in turns, as the templates want it; calls have their results."""
    wanted, has_calls = "user", False
    for number, turn in enumerate(turns, 1):
        if turn.role != wanted and not (has_calls and turn.role == "tool"):
            raise OvglmError(f"{path}: turn {number} is of {turn.role!r}, not of the {wanted}")
        has_calls = bool(turn.tool_calls) or turn.role == "tool"
        wanted = "user" if turn.role == "assistant" and not has_calls else "assistant"
    places = (_place_of(path, number, turn) for number, turn in enumerate(turns, 1))
    check_history(turns, tuple(places))


def _place_of(path: Path, number: int, turn: Message) -> Place:
    calls = range(1, len(turn.tool_calls) + 1)
    return Place(f"{path}: turn {number}", tuple(f"{path}: turn {number}, call {n}" for n in calls))
