"""What fills the store, by kind, and what of it nobody needs any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from ovglm.compiled_cache import CachedModel, CompiledCache, compiled_folder
from ovglm.errors import FolderError
from ovglm.folder_locks import has_readers, lock_of, locked_now
from ovglm.store import fingerprint_checkpoint
from ovglm.stored_exports import (
    PARTIAL,
    StoredExport,
    holds_older,
    is_being_written,
    list_stored,
    remove_export,
)
from ovglm.stored_sources import StoredSource, list_sources, remove_source

__all__ = ["Contents", "Kind", "Waste", "find_waste", "read_contents", "remove_waste"]

Kind = Literal["sources", "exports", "compiled", "unfinished"]
# A compiled model that was not loaded for so long is compiled again when it is wanted.
_UNUSED_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class Contents:
    """Everything in the store. Unfinished pulls and exports are in their lists, too."""

    sources: tuple[StoredSource, ...]
    exports: tuple[StoredExport, ...]
    compiled: tuple[CachedModel, ...]

    def sizes(self) -> dict[Kind, tuple[int, int]]:
        """Return the number of things and the bytes of each kind."""
        stored = (*self.sources, *self.exports)
        parts: dict[Kind, list[int]] = {
            "sources": [one.size_bytes for one in self.sources if one.is_complete],
            "exports": [one.size_bytes for one in self.exports if one.is_complete],
            "compiled": [one.size_bytes for one in self.compiled],
            "unfinished": [one.size_bytes for one in stored if not one.is_complete],
        }
        return {kind: (len(found), sum(found)) for kind, found in parts.items()}


@dataclass(frozen=True)
class Waste:
    """Something that can go, and why."""

    kind: Kind
    name: str
    folder: Path
    size_bytes: int
    why: str
    thing: StoredSource | StoredExport | CachedModel


def read_contents() -> Contents:
    """Look at the whole store."""
    return Contents(list_sources(), list_stored(), CompiledCache(compiled_folder()).list())


def find_waste(contents: Contents) -> tuple[Waste, ...]:
    """List what can go: nothing of it is being written or read by a live process.

    Unfinished pulls and exports that stopped, sources of which a finished export is in the store
    and no unfinished one, and compiled models of another OpenVINO or not loaded for 30 days.
    """
    return (
        *_stopped_exports(contents.exports),
        *_spent_sources(contents),
        *_old_compiled(contents.compiled),
    )


def remove_waste(waste: Waste) -> bool:
    """Remove one thing, unless a process uses it by now; tell whether it is gone."""
    thing = waste.thing
    if isinstance(thing, CachedModel):
        return CompiledCache(compiled_folder()).remove(thing)
    try:
        if isinstance(thing, StoredSource):
            remove_source(thing)
        elif not holds_older(thing):
            remove_export(thing)
    except FolderError:
        return False
    return not thing.folder.exists()


def _stopped_exports(exports: Sequence[StoredExport]) -> Iterator[Waste]:
    for one in exports:
        is_partial = not one.is_complete and one.name.endswith(PARTIAL)
        if is_partial and not holds_older(one) and not is_being_written(one):
            why = "its export stopped; the same command would go on with it"
            yield Waste("unfinished", one.name, one.folder, one.size_bytes, why, one)


def _spent_sources(contents: Contents) -> Iterator[Waste]:
    for one in contents.sources:
        with locked_now(lock_of(one.folder), tidy=True) as is_free:
            is_used = not is_free or has_readers(one.folder)
        if is_used:
            continue
        if not one.is_complete:
            why = "its pull stopped; the same command would go on with it"
            yield Waste("unfinished", one.name, one.folder, one.size_bytes, why, one)
        elif export := _export_of(one, contents.exports):
            why = f"it is exported as {export}"
            yield Waste("sources", one.name, one.folder, one.size_bytes, why, one)


def _export_of(source: StoredSource, exports: Sequence[StoredExport]) -> str | None:
    """Name a finished export of a source; None where one is unfinished, which may go on."""
    mark = f"-{fingerprint_checkpoint(source.folder)}"
    if any(one.name.endswith(f"{mark}{PARTIAL}") for one in exports):
        return None
    done = (one.name for one in exports if one.is_complete and one.name.endswith(mark))
    return next(done, None)


def _old_compiled(models: Sequence[CachedModel]) -> Iterator[Waste]:
    installed = version("openvino-genai")
    now = datetime.now(timezone.utc)
    for one in models:
        if one.is_in_use:
            continue
        made_by = str(one.facts.get("openvino") or "")
        used = datetime.fromtimestamp(one.last_used, timezone.utc)
        if not made_by.startswith(installed):
            why = f"it was compiled by OpenVINO {made_by or 'of unknown version'}"
        elif now - used > _UNUSED_AFTER:
            why = f"it was not loaded since {used:%Y-%m-%d}"
        else:
            continue
        yield Waste("compiled", one.model or one.key, one.folder, one.size_bytes, why, one)
