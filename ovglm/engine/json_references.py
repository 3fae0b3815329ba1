"""A JSON schema as a document: its places, its references, and whether any JSON fulfils it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ovglm.engine.json_budget import Budget
from ovglm.engine.json_merging import SAY_NOTHING, merge
from ovglm.engine.json_spot import Spot
from ovglm.errors import RequestError

__all__ = ["Schemas"]

# Levels of the JSON text; deeper ones would exhaust Python's stack.
_DEEPEST = 128
# Schemas within schemas, with references followed where they are merged.
_MOST_WITHIN = 64
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
# The type that a keyword is about; a schema without `type` is read as one of that type.
_TYPE_OF = {
    **dict.fromkeys(("properties", "required", "additionalProperties"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems"), "array"),
    **dict.fromkeys(("minLength", "maxLength", "format", "pattern"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), "number"),
}


class Schemas:
    """One document of schemas that may refer to each other, and to themselves."""

    def __init__(self, root: Any, budget: Budget) -> None:
        self.root = root
        self._budget = budget
        self._references = self._find_references()
        self._ending: set[str] | None = None

    def resolve(self, spot: Spot) -> Spot:
        """Find what `$ref` points at, in the same document."""
        pointer = spot.schema["$ref"]
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            raise RequestError(
                f"the JSON schema's keyword '$ref' at {spot.at} is {pointer!r:.60}; only a place "
                "in the same schema is supported, such as #/$defs/name"
            )
        found = self.root
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, Mapping) and name in found:
                found = found[name]
            else:
                raise RequestError(
                    f"the JSON schema's keyword '$ref' at {spot.at} points nowhere: {pointer!r}"
                )
        return Spot(found, pointer, spot.depth + 1)

    def merged(self, spot: Spot) -> Spot:
        """Merge what stands together: no allOf stays, and a `$ref`, anyOf or oneOf stands alone.

        Raises RequestError where it cannot be merged, or nests too deep.
        """
        while (joined := self._join(spot)) is not None:
            self._budget.take_schema(spot.at)
            spot = Spot(joined, spot.at, spot.depth + 1)
        if spot.depth > _MOST_WITHIN:
            raise RequestError(f"the JSON schema nests deeper than {_MOST_WITHIN} levels")
        return spot

    def _join(self, spot: Spot) -> Any:
        """Do one step; None where nothing is left to do."""
        schema = spot.schema
        if spot.depth > _MOST_WITHIN or not isinstance(schema, Mapping):
            return None
        keyword = next((one for one in ("allOf", "$ref", "anyOf", "oneOf") if one in schema), None)
        beside = {name: one for name, one in schema.items() if name != keyword}
        is_alone = not beside.keys() - SAY_NOTHING
        if keyword is None or (is_alone and keyword != "allOf"):
            return None
        if keyword in ("anyOf", "oneOf"):
            branches = spot.listed(keyword)
            return {keyword: [{"allOf": [beside, branch.schema]} for branch in branches]}
        if keyword == "$ref":
            return merge((self.resolve(spot).schema, beside), spot.at)
        parts = [beside, *(part.schema for part in spot.listed("allOf"))]
        telling = [part for part in parts if _says_something(part)]
        if len(telling) == 1:
            return telling[0]
        return merge(map(self._resolved, self._spots(telling, spot)), spot.at)

    def _spots(self, parts: Sequence[Any], spot: Spot) -> Iterator[Spot]:
        return (Spot(part, spot.at, spot.depth + 1) for part in parts)

    def _resolved(self, spot: Spot) -> Any:
        """Give a part of an allOf, without a `$ref` or an allOf of its own."""
        spot = self.merged(spot)
        if isinstance(spot.schema, Mapping) and "$ref" in spot.schema:
            target = self.resolve(spot)
            return self._resolved(Spot(target.schema, target.at, spot.depth + 1))
        return spot.schema

    def types(self, spot: Spot) -> list[str] | None:
        """Give the types that a schema names, or that its keywords are about; None is any."""
        named = spot.schema.get("type")
        if named is None:
            meant = {_TYPE_OF[keyword] for keyword in spot.schema if keyword in _TYPE_OF}
            return sorted(meant) or None
        types = [named] if isinstance(named, str) else named
        known = isinstance(types, list) and types and all(name in _TYPES for name in types)
        if not known:
            raise RequestError(
                f"the JSON schema's keyword 'type' at {spot.at} is {named!r:.60}; known are "
                f"{', '.join(_TYPES)}"
            )
        return list(dict.fromkeys(types))

    def values(self, spot: Spot) -> list[Any]:
        """Give the values that `enum` or `const` allow and `type` does not forbid."""
        schema = spot.schema
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        if not isinstance(values, list):
            raise RequestError(f"the JSON schema's keyword 'enum' at {spot.at} is no list")
        types = self.types(spot) if "type" in schema else None
        return [one for one in values if types is None or any(_is_a(one, name) for name in types)]

    def require_disjoint(self, spot: Spot, branches: Sequence[Spot]) -> None:
        """Refuse a `oneOf` of which several may hold at once, as far as can be seen."""
        seen = [self._target(branch) for branch in branches]
        for place, left in enumerate(seen):
            if not all(self._are_apart(left, right) for right in seen[place + 1 :]):
                raise RequestError(
                    f"the JSON schema's keyword 'oneOf' at {spot.at} has branches that may hold at "
                    "once",
                    hint="use anyOf",
                )

    def can_end(self, spot: Spot) -> bool:
        """Say whether finite JSON fulfils a schema, which its `$ref`s may rule out."""
        if self._ending is None:
            self._ending, count = set(), -1
            while len(self._ending) > count:
                count = len(self._ending)
                self._ending |= {
                    pointer for pointer, target in self._references.items() if self._ends(target)
                }
        return self._ends(spot)

    def _target(self, spot: Spot) -> Spot:
        seen: set[str] = set()
        spot = self.merged(spot)
        while isinstance(spot.schema, Mapping) and "$ref" in spot.schema and spot.at not in seen:
            seen.add(spot.at)
            spot = self.merged(self.resolve(spot))
        return spot

    def _are_apart(self, left: Spot, right: Spot) -> bool:
        if not (isinstance(left.schema, Mapping) and isinstance(right.schema, Mapping)):
            return left.schema is False or right.schema is False
        ours, theirs = self._kinds(left), self._kinds(right)
        if ours and theirs and not ours & theirs:
            return True
        mine, others = self._fixed(left), self._fixed(right)
        return any(not _share(mine[name], others[name]) for name in mine.keys() & others.keys())

    def _kinds(self, spot: Spot) -> set[str]:
        """Give the types of a schema, with integers among the numbers; empty where unknown."""
        if "type" not in spot.schema:
            return set()
        return {"number" if name == "integer" else name for name in self.types(spot) or ()}

    def _fixed(self, spot: Spot) -> dict[str, list[Any]]:
        """Give the values of required properties that have a list of them; "" is the whole."""
        found = {}
        if "enum" in spot.schema or "const" in spot.schema:
            found[""] = self.values(spot)
        if spot.schema.get("type") == "object":
            for name in spot.names("required"):
                value = spot.mapped("properties").get(name)
                if value and isinstance(value.schema, Mapping):
                    value = self._target(value)
                    if isinstance(value.schema, Mapping) and value.schema.keys() & {
                        "enum",
                        "const",
                    }:
                        found[f"/{name}"] = self.values(value)
        return found

    def _find_references(self) -> dict[str, Spot]:
        """Give the target of each `$ref` that has one; refuse what nests too deep to be read."""
        found: dict[str, Spot] = {}
        open_: list[tuple[Any, int]] = [(self.root, 0)]
        while open_:
            value, depth = open_.pop()
            if depth > _DEEPEST:
                raise RequestError(f"the JSON schema nests deeper than {_DEEPEST} levels")
            if isinstance(value, Mapping):
                if isinstance(pointer := value.get("$ref"), str):
                    with suppress(RequestError):  # it may stand in an example
                        found[pointer] = self.resolve(Spot(value, "#"))
                value = list(value.values())
            if isinstance(value, list):
                open_ += [(one, depth + 1) for one in value]
        return found

    def _ends(self, spot: Spot) -> bool:
        spot = self.merged(spot)
        schema = spot.schema
        if not isinstance(schema, Mapping):
            return schema is not False
        if "$ref" in schema:
            return self._ending is not None and schema["$ref"] in self._ending
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return any(map(self._ends, spot.listed(keyword)))
        if schema.keys() & {"enum", "const"}:
            return True
        types = self.types(spot)
        return types is None or any(self._type_ends(spot, name) for name in types)

    def _type_ends(self, spot: Spot, name: str) -> bool:
        wanted: list[Spot] = []
        if name == "object":
            named = spot.mapped("properties")
            more = spot.under("additionalProperties", True)
            wanted = [named.get(one, more) for one in spot.names("required")]
        elif name == "array" and "prefixItems" in spot.schema:
            wanted = spot.listed("prefixItems")
        elif name == "array" and spot.count("minItems", 0):
            wanted = [spot.under("items", True)]
        return all(map(self._ends, wanted))


def _says_something(schema: Any) -> bool:
    """Whether a schema rules anything out, or is none."""
    return schema is not True and not (isinstance(schema, Mapping) and schema.keys() <= SAY_NOTHING)


def _is_a(value: Any, name: str) -> bool:
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "integer":
        return _is_a(value, "number") and value % 1 == 0
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    return isinstance(value, kinds[name])


def _share(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether two lists have a value in common; 1 and True count as one."""
    return any(one in right for one in left)
