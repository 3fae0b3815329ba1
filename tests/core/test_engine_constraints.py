"""Answers that are held to a JSON schema or to a structural tag, on every engine."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nano_placement import cpu_placement, nano_facts, npu_placement
from ovglm.devices.placement import Placement
from ovglm.dialects import NamedTool, dialect_for
from ovglm.engine.build import LocalEngine, build_engine
from ovglm.engine.worker import start_worker
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import Constraint, Sampling
from ovglm.tokens import Tokenizer

PLACEMENTS = {
    "paged": cpu_placement(),
    "stateful": cpu_placement({"ATTENTION_BACKEND": "SDPA"}),
    "npu": npu_placement(64, 256),
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 6},
        "age": {"type": "integer", "minimum": 18, "maximum": 120},
        "size": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 3},
        "tags": {"type": "array", "items": {"enum": ["a", 'b"', None]}, "maxItems": 2},
    },
    "required": ["name", "age", "size"],
    "additionalProperties": False,
}
SEEDS = ((0.0, 0), (1.0, 1), (2.0, 2), (2.0, 3))
PLACE = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}, "days": {"type": "integer", "maximum": 9}},
    "required": ["city"],
}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "find", "parameters": PLACE, "strict": True}}
]


@pytest.fixture(scope="module", params=list(PLACEMENTS))
def engine(nano: Path, request: pytest.FixtureRequest) -> Iterator[LocalEngine]:
    with closing(load(nano, PLACEMENTS[request.param])) as engine:
        yield engine


@pytest.fixture(scope="module")
def paged(nano: Path) -> Iterator[LocalEngine]:
    with closing(load(nano, PLACEMENTS["paged"])) as engine:
        yield engine


def load(nano: Path, placement: Placement) -> LocalEngine:
    return build_engine(nano_facts(nano), placement, Tokenizer.load(nano))


def ask(
    engine: LocalEngine, constraint: Constraint | None, temperature: float = 0.0, seed: int = 0
) -> tuple[str, str]:
    sampling = Sampling(
        200, temperature=temperature, seed=seed, constraint=constraint, keep_special=True
    )
    chunks = list(engine.submit([300, 301, 302], sampling))
    return "".join(chunk.text for chunk in chunks), str(chunks[-1].finish_reason)


def held(schema: Any) -> Constraint:
    return Constraint("json_schema", json.dumps(schema))


def read_all(engine: LocalEngine, schema: Any) -> list[Any]:
    """Let nano answer, greedily and wildly; all of the answers end."""
    answers = [ask(engine, held(schema), *how) for how in SEEDS]
    assert {reason for _, reason in answers} == {"stop"}
    return [json.loads(text) for text, _ in answers]


def test_an_answer_keeps_to_its_schema_and_ends(engine: LocalEngine) -> None:
    for person in read_all(engine, PERSON):
        assert list(person)[:3] == ["name", "age", "size"]
        assert 1 <= len(person["name"]) <= 6
        assert 18 <= person["age"] <= 120
        assert person["size"] is None or 0 <= person["size"] < 3
        assert set(person.get("tags", ())) <= {"a", 'b"', None}
        assert len(person.get("tags", ())) <= 2


def test_an_answer_without_a_constraint_stays_as_it_was(engine: LocalEngine) -> None:
    before = ask(engine, None)
    ask(engine, held(PERSON))
    assert ask(engine, None) == before


def test_a_refused_schema_leaves_the_engine_whole(engine: LocalEngine) -> None:
    with pytest.raises(RequestError, match=r"'multipleOf' at #/properties/a is not supported"):
        ask(engine, held({"properties": {"a": {"type": "integer", "multipleOf": 2}}}))
    assert ask(engine, held({"const": "yes"})) == ('"yes"', "stop")


@pytest.mark.parametrize("name", ["glm4", "glm0414", "glm45", "glm_edge"])
@pytest.mark.parametrize("choice", ["auto", "required", NamedTool("find")])
def test_the_forms_of_every_dialect_are_enforced(
    paged: LocalEngine, name: str, choice: Any
) -> None:
    for schema in (None, {"type": "object", "properties": {"x": {"type": "boolean"}}}):
        constraint = dialect_for(name).constraint(TOOLS, choice, False, thinks=False, schema=schema)
        assert constraint is not None
        text, reason = ask(paged, constraint, 1.0, 4)
        assert reason == "stop" or choice == "auto"
        if choice != "auto":
            assert "find" in text


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"no": {"type": "null"}}, "anyOf": [{"$ref": "#/$defs/no"}, {"const": 1}]},
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "maxItems": 1}, {"type": "null"}]},
        {"type": "array", "prefixItems": [{"type": "boolean"}, {"const": "b"}], "minItems": 2},
        {"type": "string", "format": "date"},
        {"type": "string", "minLength": 3, "maxLength": 40},
        {"type": "integer", "minimum": -3, "exclusiveMaximum": 12},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 9},
        {"type": "object", "properties": {"a": {"type": "null"}, "b": {"const": 2}}},
    ],
    ids=str,
)
def test_what_other_keywords_allow_is_json_that_ends(paged: LocalEngine, schema: Any) -> None:
    for value in read_all(paged, schema):
        assert _fits(value, schema)


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    """Check by hand what the schemas above say."""
    match schema.get("type"):
        case "integer":
            return -3 <= value < 12
        case "array" if "prefixItems" in schema:
            return value in ([True, "b"], [False, "b"])
        case "array":
            return 2 <= len(value) <= 9 and all(isinstance(one, bool) for one in value)
        case "string" if "format" in schema:
            year, month, day = map(int, value.split("-"))
            return year > 999 and 1 <= month <= 12 and 1 <= day <= 31
        case "string":
            return 3 <= len(value) <= 40
        case "object":
            return value in ({}, {"a": None}, {"b": 2}, {"a": None, "b": 2})
    return value in (None, 1, [], [None], [[]], [[None]], [[[]]])


UNSUPPORTED = {
    "pattern": {"type": "string", "pattern": "(?=a)"},
    "not": {"not": {"type": "null"}},
    "multipleOf": {"type": "integer", "multipleOf": 2},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "patternProperties": {"type": "object", "patternProperties": {}},
    "format": {"type": "string", "format": "hostname"},
    "allOf": {"allOf": [{"const": 1}, {"const": 2}]},
    "oneOf": {"oneOf": [{"type": "string"}, {"type": ["string", "null"]}]},
    "$ref": {"$ref": "https://example.org/schema"},
    "minimum": {"type": "number", "minimum": 0.5},
    "maxLength": {"type": "string", "maxLength": 10**9},
    "type": {"type": "text"},
    "required": {"type": "object", "required": "a"},
}
IMPOSSIBLE = {
    "false": False,
    "enum": {"type": "string", "enum": [1, 2]},
    "required": {"required": ["a"], "additionalProperties": False},
    "minLength": {"type": "string", "minLength": 3, "maxLength": 2},
    "minItems": {"type": "array", "minItems": 3, "maxItems": 2},
    "minimum": {"type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 5},
    "$ref": {"properties": {"me": {"$ref": "#"}}, "required": ["me"]},
    "anyOf": {"anyOf": [{"enum": []}, False]},
}


@pytest.mark.parametrize("keyword", UNSUPPORTED)
def test_a_keyword_that_is_not_enforced_is_refused_by_its_name(
    paged: LocalEngine, keyword: str
) -> None:
    with pytest.raises(RequestError) as caught:
        ask(paged, held(UNSUPPORTED[keyword]))
    assert f"'{keyword}'" in caught.value.message


@pytest.mark.parametrize("word", IMPOSSIBLE)
def test_a_schema_that_no_json_fulfils_is_refused(paged: LocalEngine, word: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(paged, held(IMPOSSIBLE[word]))
    assert word in caught.value.message


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '{"const": NaN}', '{"const": "\\ud800"}', "5"]
)
def test_what_is_no_schema_at_all_is_refused(paged: LocalEngine, text: str) -> None:
    with pytest.raises(RequestError):
        ask(paged, Constraint("json_schema", text))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)b", r"\bfoo", r"a{3,1}", r"(a)\1", r"[z-a]", r"a**", r"\p{L}", r"(?i)a", r"a++",
        r"(?<n>a)", "(", "[", r"\Aa", r"a{,3}", "a|", "|a", "(|a)", "()", "a{2", "*a", "a$b", "a^b",
    ],
)  # fmt: skip
def test_a_pattern_that_is_not_enforced_is_refused(paged: LocalEngine, pattern: str) -> None:
    with pytest.raises(RequestError, match="'pattern'"):
        ask(paged, matching(pattern))


@pytest.mark.parametrize(
    "pattern", [r"^[A-Z]{3}-\d{4}$", r"(?:a|b){2}", r"\w{2}\s", r"[^a\]]{1,2}", r"é\.", r"\$", "a"]
)
def test_a_pattern_is_enforced(paged: LocalEngine, pattern: str) -> None:
    for how in SEEDS:
        text, reason = ask(paged, matching(pattern), *how)
        assert re.fullmatch(pattern, text)
        assert reason == "stop"


def matching(pattern: str) -> Constraint:
    form = {"type": "regex", "pattern": pattern}
    return Constraint("structural", json.dumps({"type": "structural_tag", "format": form}))


def test_a_worker_holds_answers_and_hands_all_of_a_chunk_on(nano: Path) -> None:
    sampling = Sampling(80, constraint=held(PERSON), logprobs=True, top_logprobs=2)
    prompt = list(range(300, 400))
    with closing(start_worker(nano, "CPU")) as worker:
        for cached in (0, 96):
            chunks = list(worker.submit(prompt, sampling))
            assert json.loads("".join(chunk.text for chunk in chunks))["age"] >= 18
            assert next(c.cached_tokens for c in chunks if c.token_ids) == cached
            assert all(len(c.top_logprobs) == len(c.token_ids) for c in chunks)
            assert {len(place) for c in chunks for place in c.top_logprobs} == {2}
        with pytest.raises(RequestError, match="'multipleOf'"):
            list(worker.submit(prompt, Sampling(constraint=held(UNSUPPORTED["multipleOf"]))))


def test_an_answer_cannot_be_held_and_endless() -> None:
    with pytest.raises(OvglmError, match="ignore_eos and a constraint exclude each other"):
        Sampling(constraint=held({}), ignore_eos=True)
