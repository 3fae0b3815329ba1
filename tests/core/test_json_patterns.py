"""The keyword `pattern`: which texts nano then writes, and what is refused."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nano_placement import cpu_placement, nano_facts
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.json_schema import json_grammar
from ovglm.engine.patterns import class_count, length_of, read_pattern
from ovglm.errors import RequestError
from ovglm.messages import Constraint, Sampling
from ovglm.tokens import Tokenizer

SEEDS = ((0.0, 0), (1.0, 1), (2.0, 2), (2.0, 3))


@pytest.fixture(scope="module")
def engine(nano: Path) -> Iterator[LocalEngine]:
    engine = build_engine(nano_facts(nano), cpu_placement(), Tokenizer.load(nano))
    with closing(engine):
        yield engine


def texts(engine: LocalEngine, schema: dict[str, Any], length: int = 200) -> list[str]:
    """Let nano write strings; those that are cut short are left out."""
    found = []
    for temperature, seed in SEEDS:
        constraint = Constraint("json_schema", json.dumps(schema))
        sampling = Sampling(length, temperature=temperature, seed=seed, constraint=constraint)
        chunks = list(engine.submit([300, 301, 302], sampling))
        if chunks[-1].finish_reason == "stop":
            found.append(json.loads("".join(chunk.text for chunk in chunks)))
    return found


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}-\d{4}$", r"^\+?[0-9 ()-]{7,20}$", r"^#[0-9a-fA-F]{6}$", r"^(?:a|b){2}$",
        r"^[^a\]]{1,2}$", r"^é\.$", r"^\"\\\n\t$", r"^\D\W\S$", "^$", r"^[\"\\/]{2}$", "^.{1,4}$",
        "^[一-鿿]{1,3}$", "^[^一-鿿]{3}$", "^😀[a😀]{2}$", r"^(\d{1,3}\.){3}\d{1,3}$", "^x{0}y$",
        "^[a-]$", r"^(a|b|cd){2,3}$", "^[!-~]{60,80}$", r"^[^\s@]{3}@\S{2}$", "^(ab?){2,3}?c$",
        r"^\x41\u00e9$", "^[é-ü]{2}$",
    ],
)  # fmt: skip
def test_a_string_keeps_to_its_pattern(engine: LocalEngine, pattern: str) -> None:
    found = texts(engine, {"type": "string", "pattern": pattern})
    assert found
    for text in found:
        assert re.search(pattern, text), text


def test_without_anchors_other_text_may_stand_around_it(engine: LocalEngine) -> None:
    (first, *_) = texts(engine, {"type": "string", "pattern": "a"}, 500)
    assert "a" in first and len(first) > 1
    for text in texts(engine, {"pattern": "^So"}, 500):
        assert text.startswith("So")


@pytest.mark.parametrize(
    ("pattern", "lengths"),
    [
        ("^a$", (1, 1)), ("^(a|bc)$", (1, 2)), ("^a{2,5}$", (2, 5)), ("^a*$", (0, None)),
        ("^(ab?){3}$", (3, 6)), ("^(a{2}){0}$", (0, 0)), ("^(|)$", None), ("^$", (0, 0)),
        ("^(a*){0,3}b$", (1, None)),
    ],
)  # fmt: skip
def test_the_lengths_of_a_pattern_are_known(
    pattern: str, lengths: tuple[int, int | None] | None
) -> None:
    if lengths is None:
        with pytest.raises(RequestError):
            read_pattern(pattern)
        return
    assert length_of(read_pattern(pattern).node) == lengths


def test_lengths_may_stand_beside_a_pattern_that_keeps_to_them(engine: LocalEngine) -> None:
    schema = {"type": "string", "pattern": "^[a-z]{2,4}$", "minLength": 2, "maxLength": 4}
    assert all(2 <= len(text) <= 4 for text in texts(engine, schema))


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"pattern": "^[a-z]+$", "maxLength": 4}, "maxLength"),
        ({"pattern": "[a-z]", "maxLength": 4}, "maxLength"),
        ({"pattern": "^a$", "minLength": 2}, "minLength"),
        ({"pattern": "^a$", "format": "date"}, "pattern"),
        ({"pattern": 3}, "pattern"),
        ({"pattern": "^\\v$"}, "pattern"),
        ({"pattern": "[a--b]"}, "pattern"),
        ({"pattern": "\\ud800"}, "pattern"),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_its_keyword(
    schema: dict[str, Any], keyword: str
) -> None:
    with pytest.raises(RequestError, match=f"'{keyword}'"):
        json_grammar({"type": "string", **schema})


def test_classes_are_counted_and_only_so_many_are_taken() -> None:
    assert class_count(read_pattern(r"^a[b-c]\d(x|[^y]){2}[z]$").node) == 3
    many = {f"p{n}": {"type": "string", "pattern": f"^[a-z]{n}\\d$"} for n in range(51)}
    with pytest.raises(RequestError, match="more than 100 character classes"):
        json_grammar({"type": "object", "properties": many})
