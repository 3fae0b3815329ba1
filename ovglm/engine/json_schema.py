"""From a JSON schema to a grammar for xgrammar that allows nothing which the schema forbids.

The library's own reading of schemas passes over keywords that it does not know and allows endless
white space, so the grammar is written here: each keyword is enforced, or refused by its name. The
JSON has at most one space behind a comma or a colon. Properties come in the schema's order; where
`properties` names some, no others are written, even if the schema would let them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ovglm.engine.json_bounds import number, require_order
from ovglm.engine.json_budget import Budget
from ovglm.engine.json_counts import repeated
from ovglm.engine.json_merging import SAY_NOTHING
from ovglm.engine.json_references import Schemas
from ovglm.engine.json_refusals import impossible, refused, unsupported
from ovglm.engine.json_scalars import (
    CHAR,
    ESCAPE,
    FORMATS,
    NUMBER,
    TEXT,
    either,
    formatted,
    literal,
)
from ovglm.engine.json_spot import Spot
from ovglm.engine.pattern_grammar import write_string
from ovglm.engine.patterns import length_of, read_pattern
from ovglm.errors import RequestError

__all__ = ["json_grammar"]

_JSON_RULES = f"""\
colon ::= ":" " "?
comma ::= "," " "?
escape ::= {ESCAPE}
char ::= {CHAR}
text ::= {TEXT}
string ::= "\\"" text "\\""
number ::= {NUMBER}
pair ::= string colon any
object ::= "{{" (pair (comma pair)*)? "}}"
array ::= "[" (any (comma any)*)? "]"
any ::= object | array | string | number | "true" | "false" | "null"
"""
# Each decides a schema alone; "allOf" is merged before.
_WHOLE = ("$ref", "enum", "const", "anyOf", "oneOf")
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "format", "pattern"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "boolean": (),
    "null": (),
}
_ENFORCED = frozenset(
    ("type", "allOf", *_WHOLE, *(name for names in _OF_TYPE.values() for name in names))
)


def json_grammar(schema: Any, budget: Budget | None = None) -> str:
    """Write the grammar of the JSON texts that `schema` allows, in xgrammar's EBNF.

    budget: what all grammars of a request use up together. Raises RequestError, with the keyword
    and its place, for what is not enforced here, and where no JSON fulfils the schema.
    """
    return _Writer(schema, budget or Budget()).write()


class _Writer:
    def __init__(self, schema: Any, budget: Budget) -> None:
        self._budget = budget
        self._schemas = Schemas(schema, budget)
        self._rules: dict[str, str] = {}
        self._of_reference: dict[str, str] = {}

    def write(self) -> str:
        whole = Spot(self._schemas.root, "#")
        root = self._value(whole)
        if not self._schemas.can_end(whole):
            raise impossible("its '$ref' leads back to itself without an end")
        rules = "".join(f"{name} ::= {body}\n" for name, body in self._rules.items())
        text = f"root ::= {root}\n{rules}"
        self._budget.take_grammar(text)
        return text + _JSON_RULES

    def _rule(self, body: str) -> str:
        name = f"r{len(self._rules)}"
        self._rules[name] = body
        return name

    def _value(self, spot: Spot) -> str:
        self._budget.take_schema(spot.at)
        spot = self._schemas.merged(spot)
        schema = spot.schema
        if schema is True:
            return "any"
        if schema is False:
            raise impossible(f"{spot.at} is false")
        if not isinstance(schema, Mapping):
            raise RequestError(f"the JSON schema's {spot.at} is no schema but {schema!r:.40}")
        for keyword in sorted(schema.keys() - SAY_NOTHING - _ENFORCED):
            raise unsupported(keyword, spot.at, _ENFORCED)
        whole = [keyword for keyword in _WHOLE if keyword in schema]
        return self._of_whole(spot, whole[0]) if whole else self._of_types(spot)

    def _of_whole(self, spot: Spot, keyword: str) -> str:
        """Write a schema that one keyword decides; `type` may stand beside a list of values."""
        is_list = keyword in ("enum", "const")
        beside = spot.schema.keys() - SAY_NOTHING - {keyword} - ({"type"} if is_list else set())
        for other in sorted(beside):
            raise refused(other, f"at {spot.at} is not supported beside {keyword!r}")
        if keyword == "$ref":
            return self._reference(spot)
        if is_list:
            choices = [literal(value) for value in self._schemas.values(spot)]
        else:
            choices = [self._value(branch) for branch in self._branches(spot, keyword)]
        if not choices:
            raise impossible(f"{keyword} at {spot.at} leaves nothing")
        return either(choices)

    def _branches(self, spot: Spot, keyword: str) -> list[Spot]:
        branches = spot.listed(keyword)
        if keyword == "oneOf":
            self._schemas.require_disjoint(spot, branches)
        return [branch for branch in branches if self._schemas.can_end(branch)]

    def _reference(self, spot: Spot) -> str:
        pointer = spot.schema["$ref"]
        target = self._schemas.resolve(spot)
        if pointer not in self._of_reference:
            name = self._of_reference[pointer] = self._rule("")
            self._rules[name] = self._value(target)
        return self._of_reference[pointer]

    def _of_types(self, spot: Spot) -> str:
        types = self._schemas.types(spot)
        if types is None:
            return "any"
        return either([self._of_type(spot, name) for name in types])

    def _of_type(self, spot: Spot, name: str) -> str:
        if name == "object":
            return self._object(spot)
        if name == "array":
            return self._array(spot)
        if name == "string":
            return self._string(spot)
        if name in ("integer", "number"):
            return number(spot, name)
        return '("true" | "false")' if name == "boolean" else '"null"'

    def _object(self, spot: Spot) -> str:
        """Write an object; of the properties that are not required each may be left out."""
        named = spot.mapped("properties")
        required = spot.names("required")
        more = spot.under("additionalProperties", True)
        for name in required:
            if name not in named:
                if more.schema is False:
                    raise impossible(f"{name!r} is required at {spot.at}, and no property")
                named[name] = more
        if not named:
            return '"{}"' if more.schema is False else self._map(more)
        pairs = [
            (f"{literal(name)} colon {self._value(value)}", name in required)
            for name, value in named.items()
            if name in required or self._schemas.can_end(value)
        ]
        return f'"{{" {self._pairs(pairs)} "}}"'

    def _map(self, value: Spot) -> str:
        if value.schema is True:
            return "object"
        pair = self._rule(f"string colon {self._value(value)}")
        return f'"{{" ({pair} (comma {pair})*)? "}}"'

    def _pairs(self, pairs: Sequence[tuple[str, bool]]) -> str:
        """Write pairs in order: a comma stands before each but the first that is written."""
        first, later = '""', '""'
        for pair, is_required in reversed(pairs):
            name = self._rule(pair)
            begun = f"{name} {later}"
            follows = f"comma {name} {later}"
            first = self._rule(begun if is_required else f"{begun} | {first}")
            later = self._rule(follows if is_required else f"{follows} | {later}")
        return first

    def _array(self, spot: Spot) -> str:
        begun = spot.listed("prefixItems") if "prefixItems" in spot.schema else []
        items = spot.under("items", not begun)
        fewest, most = spot.count("minItems", 0), spot.count("maxItems", None)
        require_order(spot, "minItems", fewest, "maxItems", most)
        if not begun:
            if most == 0 or not self._schemas.can_end(items):
                if fewest:
                    raise impossible(f"minItems at {spot.at} asks for items that cannot be")
                return '"[]"'
            item = self._rule(self._value(items))
            return f'"[" {self._listed(item, fewest or 0, most)} "]"'
        for keyword, is_off in (
            ("minItems", (fewest or 0) > len(begun)),
            ("maxItems", most is not None and most < len(begun)),
        ):
            if is_off:
                raise refused(keyword, f"at {spot.at} is off from {len(begun)} 'prefixItems'")
        return '"[" ' + " comma ".join(self._rule(self._value(item)) for item in begun) + ' "]"'

    def _listed(self, item: str, fewest: int, most: int | None) -> str:
        next_one = self._rule(f"comma {item}")
        most = None if most is None else most - 1
        whole = f"{item} {repeated(next_one, max(fewest - 1, 0), most, self._rules)}"
        return whole if fewest else f"({whole})?"

    def _string(self, spot: Spot) -> str:
        fewest, most = spot.count("minLength", 0), spot.count("maxLength", None)
        require_order(spot, "minLength", fewest, "maxLength", most)
        for keyword in ("format", "pattern"):
            if keyword in spot.schema:
                inside = self._format(spot) if keyword == "format" else self._pattern(spot)
                return rf'"\"" {inside} "\""'
        if not fewest and most is None:
            return "string"
        return rf'"\"" {repeated("char", fewest or 0, most, self._rules)} "\""'

    def _format(self, spot: Spot) -> str:
        kind = spot.schema["format"]
        if kind not in FORMATS:
            raise refused("format", f"at {spot.at} is {kind!r:.40}; known are {', '.join(FORMATS)}")
        for keyword in ("minLength", "maxLength", "pattern"):
            if keyword in spot.schema:
                raise refused(keyword, f"at {spot.at} is not supported beside 'format'")
        return formatted(kind, self._rules)

    def _pattern(self, spot: Spot) -> str:
        """Write a pattern; lengths may stand beside it where all its texts have one that fits."""
        pattern = read_pattern(spot.schema["pattern"])
        low, high = length_of(pattern.node)
        fewest, most = spot.count("minLength", 0), spot.count("maxLength", None)
        if low < (fewest or 0):
            raise refused("minLength", f"at {spot.at} is {fewest}, and 'pattern' allows {low}")
        if most is not None and (high is None or high > most or not pattern.is_whole):
            allowed = high if high is not None and pattern.is_whole else "more"
            raise refused("maxLength", f"at {spot.at} is {most}, and 'pattern' allows {allowed}")
        self._budget.take_pattern(pattern)
        return write_string(pattern, self._rules)
