"""A place in a JSON schema: the schema there, its keywords read with their types checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ovglm.errors import RequestError

__all__ = ["Spot"]


@dataclass(frozen=True)
class Spot:
    """A schema and where it stands, as a JSON pointer; `depth` counts the schemas around it."""

    schema: Any
    at: str
    depth: int = 0

    def under(self, keyword: str, default: Any) -> "Spot":
        """Give the schema of a keyword."""
        return self._inner(self.schema.get(keyword, default), keyword)

    def listed(self, keyword: str) -> list["Spot"]:
        """Give the schemas of a keyword that has a list of them."""
        found = self.schema.get(keyword)
        if not isinstance(found, list) or not found:
            raise self._wrong(keyword, "a list of schemas")
        return [self._inner(one, f"{keyword}/{place}") for place, one in enumerate(found)]

    def mapped(self, keyword: str) -> dict[str, "Spot"]:
        """Give the schemas of a keyword that has one for each of several names."""
        found = self.schema.get(keyword, {})
        if not isinstance(found, Mapping):
            raise self._wrong(keyword, "an object")
        return {name: self._inner(one, f"{keyword}/{name}") for name, one in found.items()}

    def names(self, keyword: str) -> list[str]:
        """Give the names that a keyword lists."""
        found = self.schema.get(keyword, [])
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise self._wrong(keyword, "a list of names")
        return found

    def count(self, keyword: str, default: int | None) -> int | None:
        """Give the number of a keyword."""
        found = self.schema.get(keyword, default)
        if found is default:
            return found
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            raise self._wrong(keyword, "a number of at least 0")
        return found

    def _inner(self, schema: Any, path: str) -> "Spot":
        return Spot(schema, f"{self.at}/{path}", self.depth + 1)

    def _wrong(self, keyword: str, wanted: str) -> RequestError:
        found = self.schema.get(keyword)
        return RequestError(
            f"the JSON schema's keyword {keyword!r} at {self.at} is {found!r:.40}; it must be "
            f"{wanted}"
        )
