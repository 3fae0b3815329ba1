"""What one look at the machine found, as data."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Section", "State"]

State = Literal["ok", "note", "warn", "fail"]
Section = Literal["libraries", "machine", "devices", "models", "answers"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    state: `note` is a fact that many machines share and no fault. text: one sentence of what was
    found; details: what stands below it. mend: the command or step that helps, where one does.
    """

    section: Section
    name: str
    state: State
    text: str
    details: tuple[str, ...] = ()
    mend: str = ""
