"""Reads a user's calibration file; every error names the file, and the line where there is one."""

from pathlib import Path
from typing import Any

from ovglm.errors import OvglmError
from ovglm.text_files import read_records, read_text
from ovglm_export.calibration.chat_json import read_messages
from ovglm_export.calibration.documents import Document

__all__ = ["read_documents"]

_INSTEAD = "--calibration builtin, or another file"
_SHAPES = '{"messages": [{"role": "user", "content": "…"}, …]} or {"text": "…"}'


def read_documents(path: Path) -> tuple[Document, ...]:
    """Read a .txt file (one text) or a .jsonl file (a conversation or a text on each line).

    Lines of a .jsonl file that hold only white space are skipped. Raises OvglmError.
    """
    if path.suffix.lower() == ".txt":
        return (Document(str(path), text=read_text(path, _INSTEAD)),)
    if path.suffix.lower() == ".jsonl":
        records = read_records(path, _INSTEAD, _SHAPES)
        return tuple(_read_record(where, record) for where, record in records)
    kind = f"ends in {path.suffix!r}" if path.suffix else "has no suffix"
    raise OvglmError(f"{path} {kind}; calibration text is .txt or .jsonl", _INSTEAD)


def _read_record(where: str, record: Any) -> Document:
    if isinstance(record, dict) and ("messages" in record) != ("text" in record):
        if "messages" in record:
            return Document(where, messages=read_messages(where, record))
        if isinstance(record["text"], str) and record["text"].strip():
            return Document(where, text=record["text"])
        raise OvglmError(f"{where}: its text is {_name(record['text'])}", 'write {"text": "…"}')
    raise OvglmError(f"{where}: {_shape_of(record)}", f"write {_SHAPES}")


def _shape_of(record: object) -> str:
    if not isinstance(record, dict):
        return f"this is {_name(record)}, not an object with messages or text"
    if "messages" in record:
        return "this has both messages and text"
    names = ", ".join(map(repr, list(record)[:5])) or "no field at all"
    return f"this has neither messages nor text, but {names}"


def _name(value: object) -> str:
    if isinstance(value, str):
        return "a text" if value.strip() else "empty"
    kinds = {dict: "an object", list: "a list", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")
