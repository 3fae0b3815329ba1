"""From a JSON schema to a grammar for xgrammar that allows nothing which the schema forbids.

The library's own reading of schemas passes over keywords that it does not know and allows endless
white space, so the grammar is written here: each keyword is enforced, or refused by its name. The
JSON has at most one space behind a comma or a colon. Properties come in the schema's order; where
`properties` names some, no others are written, even if the schema would let them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ovglm.engine.json_counts import repeated
from ovglm.engine.json_references import Schemas, Spot
from ovglm.engine.json_scalars import (
    CHAR,
    FORMATS,
    NUMBER,
    STRING,
    either,
    integers,
    literal,
    numbers,
)
from ovglm.errors import RequestError

__all__ = ["json_grammar"]

_DEEPEST = 64
_MOST = 100_000
_FARTHEST = 10**18
_JSON_RULES = f"""\
colon ::= ":" " "?
comma ::= "," " "?
char ::= {CHAR}
string ::= {STRING}
number ::= {NUMBER}
pair ::= string colon any
object ::= "{{" (pair (comma pair)*)? "}}"
array ::= "[" (any (comma any)*)? "]"
any ::= object | array | string | number | "true" | "false" | "null"
"""
_SAY_NOTHING = frozenset(
    "title description default example examples deprecated readOnly writeOnly $schema $id $comment "
    "$defs definitions discriminator".split()
)
_WHOLE = ("$ref", "enum", "const", "anyOf", "oneOf", "allOf")
_OF_TYPE = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "boolean": (),
    "null": (),
}
_ENFORCED = frozenset(("type", *_WHOLE, *(name for names in _OF_TYPE.values() for name in names)))


def json_grammar(schema: Any) -> str:
    """Write the grammar of the JSON texts that `schema` allows, in xgrammar's EBNF.

    Raises RequestError, with the keyword and its place, for what is not enforced here, and where
    no JSON fulfils the schema.
    """
    return _Writer(schema).write()


class _Writer:
    def __init__(self, schema: Any) -> None:
        self._schemas = Schemas(schema)
        self._rules: dict[str, str] = {}
        self._of_reference: dict[str, str] = {}

    def write(self) -> str:
        whole = Spot(self._schemas.root, "#")
        root = self._value(whole)
        if not self._schemas.can_end(whole):
            raise _impossible("its '$ref' leads back to itself without an end")
        rules = "".join(f"{name} ::= {body}\n" for name, body in self._rules.items())
        return f"root ::= {root}\n{rules}{_JSON_RULES}"

    def _rule(self, body: str) -> str:
        name = f"r{len(self._rules)}"
        self._rules[name] = body
        return name

    def _value(self, spot: Spot) -> str:
        schema = spot.schema
        if schema is True:
            return "any"
        if schema is False:
            raise _impossible(f"{spot.at} is false")
        if not isinstance(schema, Mapping):
            raise RequestError(f"the JSON schema's {spot.at} is no schema but {schema!r:.40}")
        if spot.depth > _DEEPEST:
            raise RequestError(f"the JSON schema nests deeper than {_DEEPEST} levels")
        for keyword in schema.keys() - _SAY_NOTHING - _ENFORCED:
            raise _unsupported(keyword, spot.at)
        whole = [keyword for keyword in _WHOLE if keyword in schema]
        return self._of_whole(spot, whole[0]) if whole else self._of_types(spot)

    def _of_whole(self, spot: Spot, keyword: str) -> str:
        """Write a schema that one keyword decides; `type` may stand beside a list of values."""
        is_list = keyword in ("enum", "const")
        beside = spot.schema.keys() - _SAY_NOTHING - {keyword} - ({"type"} if is_list else set())
        for other in beside:
            raise _refused(other, f"at {spot.at} is not supported beside {keyword!r}")
        if keyword == "$ref":
            return self._reference(spot)
        if is_list:
            choices = [literal(value) for value in self._schemas.values(spot)]
        else:
            choices = [self._value(branch) for branch in self._branches(spot, keyword)]
        if not choices:
            raise _impossible(f"{keyword} at {spot.at} leaves nothing")
        return either(choices)

    def _branches(self, spot: Spot, keyword: str) -> list[Spot]:
        branches = spot.listed(keyword)
        if keyword == "allOf" and len(branches) > 1:
            raise _unsupported("allOf", spot.at)
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
            return _number(spot, name)
        return '("true" | "false")' if name == "boolean" else '"null"'

    def _object(self, spot: Spot) -> str:
        """Write an object; of the properties that are not required each may be left out."""
        named = spot.mapped("properties")
        required = spot.names("required")
        more = spot.under("additionalProperties", True)
        for name in required:
            if name not in named:
                if more.schema is False:
                    raise _impossible(f"{name!r} is required at {spot.at}, and no property")
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
        _require_order(spot, "minItems", fewest, "maxItems", most)
        if not begun:
            if most == 0 or not self._schemas.can_end(items):
                if fewest:
                    raise _impossible(f"minItems at {spot.at} asks for items that cannot be")
                return '"[]"'
            item = self._rule(self._value(items))
            return f'"[" {self._listed(item, fewest or 0, most)} "]"'
        for keyword, is_off in (
            ("minItems", (fewest or 0) > len(begun)),
            ("maxItems", most is not None and most < len(begun)),
        ):
            if is_off:
                raise _refused(keyword, f"at {spot.at} is off from {len(begun)} 'prefixItems'")
        return '"[" ' + " comma ".join(self._rule(self._value(item)) for item in begun) + ' "]"'

    def _listed(self, item: str, fewest: int, most: int | None) -> str:
        next_one = self._rule(f"comma {item}")
        most = None if most is None else most - 1
        whole = f"{item} {repeated(next_one, max(fewest - 1, 0), most, self._rules)}"
        return whole if fewest else f"({whole})?"

    def _string(self, spot: Spot) -> str:
        fewest, most = spot.count("minLength", 0), spot.count("maxLength", None)
        _require_order(spot, "minLength", fewest, "maxLength", most)
        if "format" in spot.schema:
            return _formatted(spot)
        if not fewest and most is None:
            return "string"
        return rf'"\"" {repeated("char", fewest or 0, most, self._rules)} "\""'


def _formatted(spot: Spot) -> str:
    kind = spot.schema["format"]
    if kind not in FORMATS:
        raise _refused("format", f"at {spot.at} is {kind!r:.40}; known are {', '.join(FORMATS)}")
    for keyword in ("minLength", "maxLength"):
        if keyword in spot.schema:
            raise _refused(keyword, f"at {spot.at} is not supported beside 'format'")
    return rf'"\"" {FORMATS[kind]} "\""'


def _number(spot: Spot, name: str) -> str:
    low, above = _bound(spot, "minimum", "exclusiveMinimum", max)
    high, below = _bound(spot, "maximum", "exclusiveMaximum", min)
    if low is not None and high is not None:
        is_empty = low > high or (low == high and (above or below))
        is_empty |= name == "integer" and low + above > high - below
        if is_empty:
            raise _impossible(f"minimum and maximum at {spot.at} leave no {name}")
    if name == "integer":
        return integers(
            None if low is None else low + above, None if high is None else high - below
        )
    return "number" if low is None and high is None else numbers(low, high, above, below)


def _bound(spot: Spot, plain: str, exclusive: str, stricter: Any) -> tuple[int | None, bool]:
    """Read a bound, and whether it is left out itself."""
    found: list[tuple[int, bool]] = []
    for keyword in (plain, exclusive):
        if keyword in spot.schema:
            value = spot.schema[keyword]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or value % 1 or abs(value) > _FARTHEST:
                raise RequestError(
                    f"the JSON schema's keyword {keyword!r} at {spot.at} is {value!r:.40}; only "
                    f"whole numbers of up to {_FARTHEST} are supported"
                )
            found.append((int(value), keyword == exclusive))
    if not found:
        return None, False
    edge = stricter(value for value, _ in found)
    return edge, any(is_out for value, is_out in found if value == edge)


def _require_order(
    spot: Spot, least: str, low: int | None, greatest: str, high: int | None
) -> None:
    for keyword, count in ((least, low), (greatest, high)):
        if count is not None and count > _MOST:
            raise _refused(keyword, f"at {spot.at} is {count}; the grammar counts to {_MOST}")
    if low is not None and high is not None and low > high:
        raise _impossible(f"{least} {low} is above {greatest} {high} at {spot.at}")


def _refused(keyword: str, why: str) -> RequestError:
    return RequestError(f"the JSON schema's keyword {keyword!r} {why}")


def _impossible(why: str) -> RequestError:
    return RequestError(f"no JSON fulfils the schema: {why}")


def _unsupported(keyword: str, at: str) -> RequestError:
    known: Iterable[str] = sorted(_ENFORCED)
    return RequestError(
        f"the JSON schema's keyword {keyword!r} at {at} is not supported",
        hint=f"the keywords that are: {', '.join(known)}",
    )
