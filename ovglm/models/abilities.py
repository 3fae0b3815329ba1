"""What a model of the catalogue was trained to do, as its dialect tells."""

from dataclasses import dataclass
from typing import Literal

from ovglm.dialects import dialect_for
from ovglm.models.entry import Entry

__all__ = ["Abilities", "abilities_of"]


@dataclass(frozen=True)
class Abilities:
    """tools: native where it was trained to call them, instructed where it is told how in the
    prompt, none for a base model. thinks: it thinks before it answers. None: not known.
    """

    tools: Literal["native", "instructed", "none"] | None
    thinks: bool | None


def abilities_of(entry: Entry) -> Abilities:
    """Say what a model can do beside chatting."""
    if entry.is_base:
        return Abilities("none", False)
    if entry.dialect is None:
        return Abilities(None, None)
    dialect = dialect_for(entry.dialect)
    return Abilities(dialect.tools, dialect.thinks)
