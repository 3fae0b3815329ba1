"""Several JSON schemas that all have to hold, as one: `allOf`, and keywords beside each other.

What cannot be said in one schema is refused by its keyword. Parts that differ in what they say of
the same place become an `allOf` there, which is merged when its turn comes.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ovglm.engine.json_refusals import impossible, refused

__all__ = ["SAY_NOTHING", "merge"]

# Keywords that are for people and for other programs.
SAY_NOTHING = frozenset(
    "title description default example examples deprecated readOnly writeOnly $schema $id $comment "
    "$defs definitions discriminator".split()
)
# Of two values the stricter one.
_STRICTER: Mapping[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems"), min),
}
_OF_OBJECTS = ("properties", "additionalProperties")

Schema = Mapping[str, Any]


def merge(parts: Iterable[Any], at: str) -> Any:
    """Give one schema that allows what all the parts allow. at: where they stand.

    Raises RequestError, with the keyword, where that is not possible.
    """
    merged: Any = True
    for part in parts:
        merged = _both(merged, part, at)
    return merged


def _both(left: Any, right: Any, at: str) -> Any:
    simple = _stricter(left, right)
    if simple is not None:
        return simple
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        raise refused("allOf", f"at {at} has a part that is no schema")
    if "prefixItems" in {*left, *right} and "items" in {*left, *right}:
        raise refused("allOf", f"at {at} is not supported with 'prefixItems' and 'items'")
    merged = _both_objects(left, right, at)
    for keyword in dict.fromkeys((*left, *right)):
        if keyword in _OF_OBJECTS:
            continue
        if keyword in left and keyword in right and keyword not in SAY_NOTHING:
            merged[keyword] = _both_values(keyword, left[keyword], right[keyword], at)
        else:
            merged[keyword] = left[keyword] if keyword in left else right[keyword]
    return merged


def _stricter(left: Any, right: Any) -> Any:
    """Give the one of two schemas that says all that the other does; None where neither does."""
    for one, other in ((left, right), (right, left)):
        if one is True or (isinstance(one, Mapping) and _is_same(one, other)):
            return other
        if one is False:
            return False
    return None


def _all_of(left: Any, right: Any) -> Any:
    simple = _stricter(left, right)
    return {"allOf": [left, right]} if simple is None else simple


def _is_same(one: Any, other: Any) -> bool:
    """Compare as JSON: true is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _both_values(keyword: str, left: Any, right: Any, at: str) -> Any:
    if _is_same(left, right):
        return left
    lists = isinstance(left, list) and isinstance(right, list)
    if keyword in _STRICTER and _is_number(left) and _is_number(right):
        return _STRICTER[keyword](left, right)
    if keyword == "required" and lists:
        return [*left, *(name for name in right if name not in left)]
    if keyword == "enum" and lists:
        return [one for one in left if any(_is_same(one, other) for other in right)]
    if keyword == "type":
        return _both_types(left, right, at)
    if keyword == "items":
        return _all_of(left, right)
    raise refused("allOf", f"at {at} has parts that differ in {keyword!r}, which is not supported")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _both_types(left: Any, right: Any, at: str) -> list[str]:
    """Give the types that both allow; an integer is a number."""
    ours, theirs = (one if isinstance(one, list) else [one] for one in (left, right))
    common = [name for name in ours if name in theirs]
    for one, other in ((ours, theirs), (theirs, ours)):
        if "integer" in one and "number" in other and "integer" not in common:
            common.append("integer")
    if not common:
        raise impossible(f"allOf at {at} has parts of the types {left!r} and {right!r}")
    return common


def _both_objects(left: Schema, right: Schema, at: str) -> dict[str, Any]:
    """Merge what is said of properties; what one does not name is its additional property."""
    if not any(name in one for one in (left, right) for name in _OF_OBJECTS):
        return {}
    mine, others = (_properties_of(one, at) for one in (left, right))
    rest, other_rest = (one.get("additionalProperties", True) for one in (left, right))
    properties = {
        name: _all_of(mine.get(name, rest), others.get(name, other_rest))
        for name in dict.fromkeys((*mine, *others))
    }
    merged: dict[str, Any] = {"properties": properties} if properties else {}
    return {**merged, "additionalProperties": _all_of(rest, other_rest)}


def _properties_of(schema: Schema, at: str) -> Schema:
    found = schema.get("properties", {})
    if not isinstance(found, Mapping):
        raise refused("properties", f"at {at} is {found!r:.40}; it must be an object")
    return found
