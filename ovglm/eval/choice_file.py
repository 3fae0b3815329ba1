"""Multiple-choice questions from a JSON-lines file, validated line by line."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovglm.errors import OvglmError
from ovglm.text_files import read_records

__all__ = ["Question", "read_questions"]

_SHAPE = '{"question": "…", "choices": ["…", "…"], "answer": 0}'
_FIELDS = ("question", "choices", "answer", "delimiter")


@dataclass(frozen=True)
class Question:
    """One question. answer: the place of the right choice, from 0.

    delimiter: what stands between the question and a choice. where: `FILE, line N`.
    """

    where: str
    question: str
    choices: tuple[str, ...]
    answer: int
    delimiter: str = " "


def read_questions(path: Path) -> tuple[Question, ...]:
    """Read a .jsonl file of questions.

    Each line is {"question": text, "choices": [texts], "answer": place from 0, or a letter from A};
    "delimiter" may take the place of the space between the two. Raises OvglmError, which names
    the line.
    """
    records = read_records(path, f"write lines like {_SHAPE}", _SHAPE)
    return tuple(_read(where, record) for where, record in records)


def _read(where: str, record: Any) -> Question:
    if not isinstance(record, dict):
        raise OvglmError(f"{where}: this is not an object", f"write {_SHAPE}")
    missing = [name for name in _FIELDS[:3] if name not in record]
    if missing:
        raise OvglmError(f"{where}: {' and '.join(missing)} is missing", f"write {_SHAPE}")
    choices = record["choices"]
    if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
        raise OvglmError(f"{where}: choices is not a list of texts", f"write {_SHAPE}")
    if len(choices) < 2 or not all(one.strip() for one in choices):
        what = "has an empty choice" if len(choices) > 1 else f"has {len(choices)} choices"
        raise OvglmError(f"{where}: it {what}; at least two texts are needed", f"write {_SHAPE}")
    return Question(
        where,
        _text(where, record, "question"),
        tuple(choices),
        _place(where, record["answer"], len(choices)),
        _text(where, record, "delimiter") if "delimiter" in record else " ",
    )


def _text(where: str, record: Mapping[str, Any], name: str) -> str:
    value = record[name]
    if not isinstance(value, str) or (name == "question" and not value.strip()):
        raise OvglmError(f"{where}: {name} is not a text", f"write {_SHAPE}")
    return value


def _place(where: str, answer: object, count: int) -> int:
    place = answer
    if isinstance(answer, str) and len(answer) == 1 and answer in string.ascii_uppercase:
        place = string.ascii_uppercase.index(answer)
    if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < count:
        return place
    last = string.ascii_uppercase[count - 1] if count <= 26 else "Z"
    raise OvglmError(
        f"{where}: the answer is {answer!r}, which is none of the {count} choices",
        f"write 0 to {count - 1}, or A to {last}",
    )
