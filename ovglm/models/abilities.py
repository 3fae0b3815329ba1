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
    pictures: it looks at them.
    """

    tools: Literal["native", "instructed", "none"] | None
    thinks: bool | None
    pictures: bool = False


def abilities_of(entry: Entry) -> Abilities:
    """Say what a model can do beside chatting."""
    if entry.is_base:
        return Abilities("none", False)
    if entry.dialect is None:
        return Abilities(None, None)
    dialect = dialect_for(entry.dialect)
    if entry.tower is None:
        return Abilities(dialect.tools, dialect.thinks)
    # what is published of the models that look at pictures tells nothing of tools
    tools = "instructed" if dialect.tools == "instructed" else None
    return Abilities(tools, dialect.thinks, pictures=True)
