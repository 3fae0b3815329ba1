"""Finds an entry by any of its names, and the names that are nearest to a wrong one."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import get_args

from ovglm.errors import OvglmError
from ovglm.models.entry import Entry, Hub

__all__ = ["find_by_name", "names_of", "nearest", "refuse_unknown"]

# Where not even the likest name reaches this, none is a help; difflib's measure, from 0 to 1.
_LEAST_ALIKE = 0.4


def names_of(entry: Entry) -> set[str]:
    """Give all names of an entry in lower case: its own, and its repositories' on every hub."""
    hubs: tuple[Hub, ...] = get_args(Hub)
    return {entry.name, *(one.lower() for hub in hubs for one in entry.repositories(hub))}


def find_by_name(catalogue: Iterable[Entry], text: str) -> Entry | None:
    """Find an entry by its short name or by a repository's, in upper or lower case."""
    wanted = text.lower()
    return next((entry for entry in catalogue if wanted in names_of(entry)), None)


def nearest(text: str, names: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """Give the names most like `text` or the part of it behind a slash, the likest first.

    None where nothing is like it at all.
    """
    wanted = text.lower().rpartition("/")[2]
    alike = {name: SequenceMatcher(None, wanted, name.lower()).ratio() for name in names}
    ranked = sorted(alike, key=lambda name: -alike[name])
    return tuple(ranked[:count]) if ranked and alike[ranked[0]] >= _LEAST_ALIKE else ()


def refuse_unknown(
    text: str, what: str, names: Iterable[str], command: str, listing: str = "ovglm models"
) -> OvglmError:
    """Make the error for a name that nothing has, with the nearest three.

    what: what it is not, such as `no model of the catalogue`. command: the one to try them with.
    listing: the command that lists all names, where none is near.
    """
    near = nearest(text, names)
    told = f"; near it: {', '.join(near)}" if near else ""
    hint = f"{command} {near[0]}" if near else listing
    return OvglmError(f"{text!r} is {what}{told}", hint)
