"""Which models of the store have moved on at their hub since they were pulled."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ovglm import manifest
from ovglm.errors import FolderError, HubError
from ovglm.hub.finding import find_commit
from ovglm.hub.names import is_commit
from ovglm.hub.record import list_pulled
from ovglm.hub.remote import Hub
from ovglm.hub.settings import Patience
from ovglm.store import list_exports

__all__ = ["State", "Update", "find_updates"]

State = Literal["current", "moved", "pinned", "unknown"]


@dataclass(frozen=True)
class Update:
    """One model here and its hub now.

    name: of the source or of the export's folder. here, there: commits. followed: the branch or
    tag; a commit that was asked for as such is pinned, and not asked after. why: where the hub
    gave no answer, its sentence.
    """

    name: str
    source: Hub
    repo: str
    followed: str
    here: str
    there: str | None = None
    why: str = ""

    @property
    def state(self) -> State:
        """Say in a word what `here` and `there` tell."""
        if is_commit(self.followed):
            return "pinned"
        if self.there is None:
            return "unknown"
        return "current" if self.here == self.there else "moved"


def find_updates(patience: Patience | None = None) -> tuple[Update, ...]:
    """Ask the hubs after every source and export that came from one; each branch once."""
    known: dict[tuple[Hub, str, str], tuple[str | None, str]] = {}
    found = []
    for one in _list_followed():
        if one.state == "pinned":
            found.append(one)
            continue
        key = one.source, one.repo, one.followed
        if key not in known:
            known[key] = _ask(*key, patience)
        there, why = known[key]
        found.append(replace(one, there=there, why=why))
    return tuple(found)


def _list_followed() -> Iterator[Update]:
    for one in list_pulled():
        yield Update(one.repo, one.source, one.repo, one.followed, one.revision)
    for folder in list_exports():
        try:
            source = manifest.read_manifest(folder).source
        except FolderError:
            continue  # unreadable; the list shows it
        hub = next((one for one in get_args(Hub) if one == (source.hub or "huggingface")), None)
        if hub and source.repo and source.revision:
            followed = source.followed or "main"
            yield Update(folder.name, hub, source.repo, followed, source.revision)


def _ask(hub: Hub, repo: str, followed: str, patience: Patience | None) -> tuple[str | None, str]:
    try:
        return find_commit(hub, repo, followed, patience), ""
    except HubError as error:
        return None, error.message
