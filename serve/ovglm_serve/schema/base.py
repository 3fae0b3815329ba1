"""What all wire models share: nothing unknown, nothing of the wrong type, nothing too deep."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from ovglm_serve.schema.unsupported import UNSUPPORTED

__all__ = ["Int", "JsonObject", "Wire"]

_DEEPEST = 64

# What another process and a C++ library can count. The document has floats for limits, so it names
# the largest that is one.
Int = Annotated[
    int,
    Field(ge=-(2**63), le=2**63 - 1),
    WithJsonSchema({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1024}),
]


class Wire(BaseModel):
    """A part of a request; a field that it does not have is refused by name.

    Clients send null for what they do not use, also for fields that are not supported.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_unused(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: item
            for name, item in value.items()
            if item is not None or name in cls.model_fields or name not in UNSUPPORTED
        }


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    if _depth(value) > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("has half of a surrogate pair in a text") from error
    return value


def _depth(value: object) -> int:
    """Count the levels of a JSON value, without recursion."""
    deepest = 0
    left: list[tuple[object, int]] = [(value, 1)]
    while left:
        item, level = left.pop()
        deepest = max(deepest, level)
        if isinstance(item, dict):
            left += [(inner, level + 1) for inner in item.values()]
        elif isinstance(item, list):
            left += [(inner, level + 1) for inner in item]
    return deepest


JsonObject = Annotated[dict[str, Any], AfterValidator(_check_json)]
