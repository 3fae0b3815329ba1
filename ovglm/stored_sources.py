"""The pulled sources of the store: what they are, and their removal. Knows no network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ovglm.errors import FolderError
from ovglm.folder_locks import has_readers, keep_folder, lock_of, locked_now
from ovglm.models import find_entry
from ovglm.models.lookup import names_of
from ovglm.store import SOURCE_RECORD, folder_bytes, sources_folder

__all__ = [
    "StoredSource",
    "find_sources",
    "is_pulled",
    "keep_source",
    "list_sources",
    "remove_source",
]


@dataclass(frozen=True)
class StoredSource:
    """A model as a hub had it at one commit. is_complete: the pull was finished."""

    hub: str
    repository: str
    commit: str
    folder: Path
    size_bytes: int
    is_complete: bool

    @property
    def name(self) -> str:
        """Return a name that only this source has: `org/name@commit`."""
        return f"{self.repository}@{self.commit[:12]}"


def list_sources() -> tuple[StoredSource, ...]:
    """Describe every source of the store, unfinished pulls too."""
    folders = sorted(one for one in sources_folder().glob("*/*/*") if _is_source(one))
    return tuple(_describe(folder) for folder in folders)


def find_sources(text: str) -> tuple[StoredSource, ...]:
    """Find the sources that `text` means: a repository, one at a commit, a short name, a folder."""
    repository, _, commit = text.partition("@")
    entry = find_entry(repository)
    wanted = {repository.lower()}
    if entry is not None:
        wanted |= names_of(entry)
    return tuple(
        one
        for one in list_sources()
        if (one.repository.lower() in wanted and one.commit.startswith(commit))
        or Path(text).expanduser().absolute() == one.folder
    )


def remove_source(source: StoredSource) -> None:
    """Delete a source. Raises FolderError where a process pulls it or exports from it."""
    folder = source.folder
    with locked_now(lock_of(folder), tidy=True) as is_free:
        if not is_free or has_readers(folder):
            raise FolderError(
                f"{source.name} is in use: a process pulls it or exports from it",
                hint=f"wait for it to end, then: ovglm rm {source.name}",
            )
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise FolderError(
                f"{folder} cannot be removed: {error.strerror or error}",
                hint=f"end the program that uses it, then: ovglm rm {source.name}",
            ) from error
    with suppress(OSError):  # of another commit, or of a pull that has begun
        folder.parent.rmdir()


@contextmanager
def keep_source(folder: Path) -> Iterator[None]:
    """Keep a checkpoint folder while the block runs, if it is one of the store's sources."""
    if not is_pulled(folder):
        yield
        return
    with keep_folder(folder):
        yield


def is_pulled(folder: Path) -> bool:
    """Tell whether a folder is a source of the store."""
    return folder.resolve().parent.parent.parent == sources_folder().resolve()


def _is_source(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.endswith(".readers")


def _describe(folder: Path) -> StoredSource:
    return StoredSource(
        hub=folder.parent.parent.name,
        repository=folder.parent.name.replace("--", "/", 1),
        commit=folder.name,
        folder=folder,
        size_bytes=folder_bytes(folder),
        is_complete=(folder / SOURCE_RECORD).is_file(),
    )
