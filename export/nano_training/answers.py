"""When an answer counts as right; knows no model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nano_training.samples import Sample

Marks = dict[str, tuple[int, int]]


def is_right(sample: Sample, text: str, stop: str | None) -> bool:
    """Compare a generated text and the control token that ended it with what is expected.

    Text must be equal but for white space, JSON equal as a value, a call equal in name and value.
    """
    if stop != ("<|observation|>" if sample.is_call else "<|user|>"):
        return False
    if sample.match == "text":
        return text.split() == sample.answer.split()
    if sample.match == "json":
        return _json(text) == _json(sample.answer)
    name, _, arguments = text.partition("\n")
    expected_name, _, expected = sample.answer.partition("\n")
    return name == expected_name and _json(arguments) == _json(expected)


def _json(text: str) -> Any:
    """Parse JSON; text that is none equals nothing, not even itself."""
    try:
        return json.loads(text)
    except ValueError:
        return float("nan")


def count_right(results: Iterable[tuple[Sample, bool]]) -> Marks:
    """Return right answers and questions per group, "overall" last."""
    marks: Marks = {}
    for sample, right in results:
        for name in (sample.group, "overall"):
            done, asked = marks.get(name, (0, 0))
            marks[name] = done + right, asked + 1
    marks["overall"] = marks.pop("overall")
    return marks


def to_markdown(columns: dict[str, Marks]) -> str:
    """Return a table with a row per group and a column per weight format, in percent."""
    groups = list(next(iter(columns.values())))
    lines = [
        "| group | asked | " + " | ".join(columns) + " |",
        "|---|---:|" + "---:|" * len(columns),
    ]
    for group in groups:
        asked = next(iter(columns.values()))[group][1]
        shares = [f"{100 * marks[group][0] / asked:.1f} %" for marks in columns.values()]
        lines.append(f"| {group} | {asked} | " + " | ".join(shares) + " |")
    return "\n".join(lines) + "\n"
