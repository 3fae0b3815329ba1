"""Schemas that hold together: allOf, and keywords beside a $ref, an anyOf or a oneOf."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import Any

import jsonschema
import pytest

from nano_placement import cpu_placement, nano_facts
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.constraint import to_structure
from ovglm.engine.json_merging import merge
from ovglm.engine.json_schema import json_grammar
from ovglm.errors import RequestError
from ovglm.messages import Constraint, Sampling
from ovglm.tokens import Tokenizer

INTEGER = {"type": "integer"}
WORD = {"enum": ["x", "y"]}
DEFINED = {"$defs": {"base": {"type": "object", "properties": {"id": INTEGER}, "required": ["id"]}}}
REF = {"$ref": "#/$defs/base"}


def record(*required: str, more: Any = True, **properties: Any) -> dict[str, Any]:
    """Describe an object."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": more,
    }


@pytest.fixture(scope="module")
def engine(nano: Path) -> Iterator[LocalEngine]:
    engine = build_engine(nano_facts(nano), cpu_placement(), Tokenizer.load(nano))
    with closing(engine):
        yield engine


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        ({"allOf": [record("a", a=INTEGER), record("b", b=WORD)]}, {"a", "b"}),
        ({"allOf": [record("a", more=False, a=INTEGER), record(b=WORD)]}, {"a"}),
        ({**DEFINED, "allOf": [REF, record("n", n=WORD)], "title": "T"}, {"id", "n"}),
        ({**DEFINED, "allOf": [REF], "properties": {"n": WORD}, "required": ["n"]}, {"id", "n"}),
        ({**DEFINED, **REF, "properties": {"n": WORD}, "required": ["n"]}, {"id", "n"}),
        ({"allOf": [record("a", a=INTEGER), record("a", a={"minimum": 5, "maximum": 7})]}, {"a"}),
        ({"allOf": [record("a", a=WORD), record("a", "b", more=WORD)]}, {"a", "b"}),
        ({**record(a=WORD, b=WORD), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, None),
        ({"allOf": [{"anyOf": [record("a", a=WORD), record("b", b=WORD)]},
                    record("c", c=INTEGER)]}, None),
        ({"type": "object", "oneOf": [record("k", k={"const": "a"}), record("k", k={"const": 1})]},
         {"k"}),
        ({"allOf": [{"allOf": [record("a", a=INTEGER)]}, {"description": "no more"}]}, {"a"}),
    ],
)  # fmt: skip
def test_objects_that_hold_together_become_one(
    engine: LocalEngine, schema: dict[str, Any], keys: set[str] | None
) -> None:
    for value in _answers(engine, schema):
        jsonschema.validate(value, schema)
        assert keys is None or set(value) == keys


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]},
        {"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "maximum": 4}]},
        {"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, True]}]},
        {"allOf": [{"type": "array", "items": {"type": "integer", "minimum": 1}},
                   {"items": {"maximum": 2}, "maxItems": 2}]},
        {"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s", "maxLength": 3},
        {"allOf": [{"type": ["integer", "null"]}, {"type": ["null", "string"]}]},
    ],
    ids=str,
)  # fmt: skip
def test_other_schemas_become_one_with_the_stricter_bounds(
    engine: LocalEngine, schema: dict[str, Any]
) -> None:
    for value in _answers(engine, schema):
        jsonschema.validate(value, schema)


def test_a_schema_may_come_again_within_itself(engine: LocalEngine) -> None:
    after = {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}
    node = {"allOf": [record("v", v=WORD), record("next", next=after)]}
    schema = {"$defs": {"node": node}, "$ref": "#/$defs/node"}
    for value in _answers(engine, schema):
        jsonschema.validate(value, schema)


REFUSED = [
    ({"allOf": [{"const": 1}, {"const": True}]}, "'allOf' at # has parts that differ in 'const'"),
    ({"allOf": [{"anyOf": [WORD, INTEGER]}, {"anyOf": [WORD]}]}, "differ in 'anyOf'"),
    ({"allOf": [{"prefixItems": [WORD]}, {"items": WORD}]}, "'prefixItems' and 'items'"),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, "of the types 'string' and 'null'"),
    ({"allOf": [record(more=False), record("a", a=WORD)]}, "#/properties/a is false"),
    ({"allOf": [{"properties": 3}, record()]}, "'properties' at # is 3"),
    ({"allOf": {}}, "'allOf' at # is {}; it must be a list"),
    ({"allOf": []}, "it must be a list"),
    ({"allOf": [3, True]}, "is no schema but 3"),
    ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, WORD]}}, "$ref": "#/$defs/a"}, "nests deep"),
    ({"enum": [1], "anyOf": [{"const": 1}, {"const": 2}]}, "differ in|beside"),
    ({"type": "string", "enum": ["a"], "maxLength": 3}, "'maxLength' at # is not supported beside"),
]


@pytest.mark.parametrize(("schema", "words"), REFUSED, ids=lambda value: str(value)[:50])
def test_what_does_not_go_together_is_refused_and_named(schema: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        json_grammar(schema)


def test_merging_is_the_same_in_either_order() -> None:
    one, other = {"minimum": 1, "type": "number"}, {"minimum": 2, "maximum": 9}
    assert merge((one, other), "#") == merge((other, one), "#")
    assert merge((), "#") is True and merge((True, False, one), "#") is False


def _doubling(levels: int) -> dict[str, Any]:
    """Refer to the next level twice on each one, in parts that have to be merged."""
    defined: dict[str, Any] = {"end": WORD}
    for number in range(levels):
        after = {"$ref": f"#/$defs/n{number + 1}" if number + 1 < levels else "#/$defs/end"}
        both = record(left=after, right={"allOf": [after, {"title": "x"}, {"default": number}]})
        defined[f"n{number}"] = {"allOf": [both, record(left={"allOf": [after, after]})]}
    return {"$defs": defined, "$ref": "#/$defs/n0"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {f"property {n}": INTEGER for n in range(5000)}},
        {"enum": [f"a long text with the number {n}" for n in range(8000)]},
        _doubling(30),
    ],
    ids=["properties", "enum", "doubling"],
)
def test_a_schema_that_grows_too_large_is_refused_soon_with_its_size(schema: Any) -> None:
    start = process_time()
    with pytest.raises(RequestError, match=r"more than|characters; the longest|nests deeper"):
        json_grammar(schema)
    assert process_time() - start < 10


def test_the_schemas_of_all_tools_count_together() -> None:
    schema = {"type": "object", "properties": {f"property_{n}": INTEGER for n in range(200)}}
    forms = [{"type": "json_schema", "json_schema": schema}] * 5
    whole = {"type": "structural_tag", "format": {"type": "or", "elements": forms}}
    with pytest.raises(RequestError, match="characters; the longest that is taken"):
        to_structure(Constraint("structural", json.dumps(whole)))


def _answers(engine: LocalEngine, schema: Any) -> list[Any]:
    found = []
    for temperature, seed in ((0.0, 0), (1.0, 1), (2.0, 2)):
        constraint = Constraint("json_schema", json.dumps(schema))
        sampling = Sampling(300, temperature=temperature, seed=seed, constraint=constraint)
        chunks = list(engine.submit([300, 301, 302], sampling))
        if chunks[-1].finish_reason == "stop":
            found.append(json.loads("".join(chunk.text for chunk in chunks)))
    assert found
    return found
