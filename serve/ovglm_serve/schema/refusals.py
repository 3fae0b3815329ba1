"""From pydantic's list of errors to one refusal: the field's name, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovglm_serve.schema.unsupported import UNSUPPORTED

__all__ = ["Refusal", "first_refusal"]

# param, message, code
Refusal = tuple[str | None, str, str | None]

_NO_OBJECT = ("missing", "model_type", "model_attributes_type", "dict_type")


def first_refusal(errors: Sequence[Mapping[str, Any]], body: object) -> Refusal:
    """Say what the first error is. body: the request as it came, to find the field in it."""
    error = errors[0]
    kind, place = error["type"], tuple(error["loc"])
    if kind == "json_invalid":
        return None, f"the body is not valid JSON: {error['ctx']['error']}", "invalid_json"
    if place[:1] != ("body",):
        name = ".".join(map(str, place[1:]))
        return name or None, f"'{name}': {_say(error)}", "invalid_value"
    # a union's error names the field that tells its members apart
    tag = (error.get("ctx") or {}).get("discriminator", "").strip("'")
    param = _name(place[1:], body, is_absent=kind == "missing") + (f".{tag}" if tag else "")
    if not param and kind in _NO_OBJECT:
        return None, "the body must be a JSON object, with a Content-Type of JSON", "invalid_json"
    if not param:
        return None, _say(error), "invalid_value"
    if kind == "extra_forbidden":
        return param, _refuse_field(param, str(place[-1])), "unsupported_parameter"
    if kind in ("missing", "union_tag_not_found"):
        return param, f"'{param}' is missing", "missing_required_parameter"
    return param, f"'{param}': {_say(error)}", "invalid_value"


def _refuse_field(param: str, name: str) -> str:
    reason = UNSUPPORTED.get(name)
    return f"'{param}' is not supported: {reason}" if reason else f"there is no field '{param}'"


def _name(place: Sequence[str | int], body: object, is_absent: bool) -> str:
    """Write a place as a path; what is only pydantic's at its end is left out."""
    for length in range(len(place), 0, -1):
        path = _find(place[:length], body, is_absent)
        if path is not None:
            return path.removeprefix(".")
    return ""


def _find(place: Sequence[str | int], body: object, is_absent: bool) -> str | None:
    """Follow a place into the body, over steps that are only pydantic's, such as union members.

    is_absent: the last step is a field that the body lacks.
    """
    if not place:
        return ""
    step, rest = place[0], place[1:]
    path = None
    if isinstance(body, dict) and step in body:
        path = _find(rest, body[step], is_absent)
        path = None if path is None else f".{step}{path}"
    elif isinstance(body, list) and isinstance(step, int) and step < len(body):
        path = _find(rest, body[step], is_absent)
        path = None if path is None else f"[{step}]{path}"
    elif isinstance(body, dict) and is_absent and not rest:
        return f".{step}"
    if path is None and rest:
        return _find(rest, body, is_absent)
    return path


def _say(error: Mapping[str, Any]) -> str:
    if error["type"] == "string_unicode":
        return "half of a surrogate pair is no character"
    if error["type"] == "union_tag_invalid":
        return f"{error['ctx']['tag']!r} is none of {error['ctx']['expected_tags']}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]
