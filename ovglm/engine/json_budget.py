"""How large the grammars of one request may become. Knows neither schemas nor grammars.

The runtime compiles a grammar within a step, and all answers wait for it. Measured with 151,000
tokens in the vocabulary on two cores: 500 properties of mixed types are 170,000 characters of
grammar and take 2.5 s; a class such as [^"] in a pattern takes up to 15 ms, a wide one 50 ms.
"""

from ovglm.engine.json_refusals import refused
from ovglm.engine.patterns import Pattern, class_count
from ovglm.errors import RequestError

__all__ = ["Budget"]

_SCHEMAS = 10_000
_CLASSES = 100
_CHARACTERS = 200_000


class Budget:
    """Counts what the schemas of one request use up. Raises RequestError where it is too much."""

    def __init__(self) -> None:
        self._schemas = _SCHEMAS
        self._classes = _CLASSES
        self._characters = _CHARACTERS
        self._patterns: set[Pattern] = set()

    def take_schema(self, at: str) -> None:
        """Count a schema within the schema, as often as it is written out."""
        self._schemas -= 1
        if self._schemas < 0:
            raise RequestError(
                f"the JSON schema comes to more than {_SCHEMAS} schemas at {at}",
                hint="fewer properties, or fewer branches in anyOf and allOf",
            )

    def take_pattern(self, pattern: Pattern) -> None:
        """Count the character classes of a pattern, once where it comes several times."""
        if pattern not in self._patterns:
            self._patterns.add(pattern)
            self._classes -= class_count(pattern.node)
        if self._classes < 0:
            raise refused(
                "pattern", f"brings the request to more than {_CLASSES} character classes"
            )

    def take_grammar(self, text: str) -> None:
        """Count the characters of a grammar."""
        self._characters -= len(text)
        if self._characters < 0:
            raise RequestError(
                f"the JSON schemas come to a grammar of {_CHARACTERS - self._characters} "
                f"characters; the longest that is taken has {_CHARACTERS}, which is that of some "
                "500 properties",
                hint="fewer properties, or shorter lists in enum",
            )
