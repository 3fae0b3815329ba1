"""From a constraint to the text that the runtime reads; refuses what it would not enforce."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ovglm.engine.json_budget import Budget
from ovglm.engine.json_schema import json_grammar
from ovglm.engine.pattern_grammar import write_text
from ovglm.engine.patterns import read_pattern
from ovglm.errors import RequestError
from ovglm.messages import Constraint

__all__ = ["write_constraint"]


@lru_cache(maxsize=64)
def write_constraint(constraint: Constraint) -> str:
    """Write a constraint with a grammar in place of each JSON schema and each pattern.

    A grammar that the runtime does not compile ends a step with an error, so nothing is passed on
    that was not read here. Raises RequestError with the keyword that is at fault.
    """
    try:
        document = json.loads(constraint.text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the constraint is no JSON: {error}") from error
    text = _write_document(constraint.kind, document)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError("the constraint has half a surrogate pair in a text") from error
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _write_document(kind: str, document: Any) -> str:
    if kind == "json_schema":
        return json_grammar(document)
    if not isinstance(document, Mapping) or document.get("type") != "structural_tag":
        raise RequestError("the constraint is no structural tag")
    return json.dumps(_with_grammars(document, Budget()), ensure_ascii=False)


def _with_grammars(form: Any, budget: Budget) -> Any:
    if isinstance(form, list):
        return [_with_grammars(one, budget) for one in form]
    if not isinstance(form, dict):
        return form
    if form.get("type") == "json_schema":
        return _grammar(json_grammar(form.get("json_schema"), budget))
    if form.get("type") == "regex":
        return _grammar(_pattern_grammar(form.get("pattern"), budget))
    return {name: _with_grammars(value, budget) for name, value in form.items()}


def _pattern_grammar(pattern: object, budget: Budget) -> str:
    """Write the grammar of the texts that a pattern matches as a whole."""
    read, rules = read_pattern(pattern), dict[str, str]()
    budget.take_pattern(read)
    root = write_text(read, rules)
    return "".join(f"{name} ::= {body}\n" for name, body in {"root": root, **rules}.items())


def _grammar(text: str) -> dict[str, str]:
    return {"type": "grammar", "grammar": text}
