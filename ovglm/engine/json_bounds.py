"""Numbers of JSON between the bounds that a schema sets."""

from typing import Any

from ovglm.engine.json_refusals import impossible, refused
from ovglm.engine.json_scalars import integers, numbers
from ovglm.engine.json_spot import Spot
from ovglm.errors import RequestError

__all__ = ["number", "require_order"]

_MOST = 100_000
_FARTHEST = 10**18


def number(spot: Spot, name: str) -> str:
    """Write the numbers, or if that is the `name` the integers, that the schema allows."""
    low, above = _bound(spot, "minimum", "exclusiveMinimum", max)
    high, below = _bound(spot, "maximum", "exclusiveMaximum", min)
    if low is not None and high is not None:
        is_empty = low > high or (low == high and (above or below))
        is_empty |= name == "integer" and low + above > high - below
        if is_empty:
            raise impossible(f"minimum and maximum at {spot.at} leave no {name}")
    if name == "integer":
        return integers(
            None if low is None else low + above, None if high is None else high - below
        )
    return "number" if low is None and high is None else numbers(low, high, above, below)


def require_order(spot: Spot, least: str, low: int | None, greatest: str, high: int | None) -> None:
    """Refuse counts that are too large for a grammar, or that contradict each other."""
    for keyword, count in ((least, low), (greatest, high)):
        if count is not None and count > _MOST:
            raise refused(keyword, f"at {spot.at} is {count}; the grammar counts to {_MOST}")
    if low is not None and high is not None and low > high:
        raise impossible(f"{least} {low} is above {greatest} {high} at {spot.at}")


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
