"""Reads a user's text and JSON-lines files; every error names the file and, in it, the line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ovglm.errors import OvglmError

__all__ = ["read_records", "read_text"]

_MARK = b"\xef\xbb\xbf"


def read_text(path: Path, instead: str) -> str:
    """Read a UTF-8 file that must not be empty; lines end in \\n, whatever they end in there.

    instead: what the hint says where the file cannot be read. Raises OvglmError.
    """
    try:
        raw = path.read_bytes().removeprefix(_MARK)
    except OSError as error:
        raise OvglmError(f"{path} cannot be read: {error.strerror or error}", instead) from error
    if not raw.strip():
        raise OvglmError(f"{path} is empty", instead)
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise OvglmError(
            f"{path}, line {line}: byte {raw[error.start]:#04x} is not UTF-8",
            "save the file as UTF-8",
        ) from error


def read_records(path: Path, instead: str, shape: str) -> Iterator[tuple[str, Any]]:
    """Give the JSON value of each line, after `FILE, line N` for errors about it.

    Lines that hold only white space are skipped. shape: what a line should look like, for the
    hint. Raises OvglmError.
    """
    for number, line in enumerate(read_text(path, instead).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            reason = f"{error.msg} (column {error.colno})"
            raise OvglmError(f"{where}: this is not JSON: {reason}", f"write {shape}") from error
        except (ValueError, RecursionError) as error:
            raise OvglmError(f"{where}: this is not JSON: {error}", f"write {shape}") from error
        yield where, record
