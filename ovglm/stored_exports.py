"""The exported models of the store: what they are, when they were used, and their removal."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ovglm import manifest
from ovglm.errors import FolderError, OvglmError
from ovglm.store import exports_folder

__all__ = ["StoredExport", "find_export", "list_stored", "mark_used", "remove_export"]

USED = ".last-used"
PARTIAL = ".partial"


@dataclass(frozen=True)
class StoredExport:
    """A folder of the store.

    model and recipe are empty where no manifest tells. illegal: for each kind of device why the
    recipe cannot run there, an empty text where it can. last_used is None before the first use.
    """

    name: str
    folder: Path
    size_bytes: int
    is_complete: bool
    model: str = ""
    recipe: str = ""
    illegal: tuple[tuple[str, str], ...] = ()
    last_used: datetime | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """Return the kinds of device that the recipe is legal on."""
        return tuple(kind for kind, reason in self.illegal if not reason)


def list_stored() -> tuple[StoredExport, ...]:
    """Describe every folder of the store, unfinished exports too."""
    root = exports_folder()
    folders = sorted(one for one in root.glob("*") if one.is_dir())
    return tuple(_describe(folder) for folder in folders)


def mark_used(folder: Path) -> None:
    """Remember that a folder of the store is used now; any other folder is left as it is."""
    if _is_stored(folder):
        with suppress(OSError):  # a store that cannot be written can still be read
            (folder / USED).touch()


def find_export(text: str) -> StoredExport:
    """Find what to remove: a folder of the store by its name or its model's, or an export's path.

    Raises OvglmError where nothing is called so, or more than one, or it is no export.
    """
    stored = list_stored()
    named = [one for one in stored if one.name == text]
    named = named or [one for one in stored if one.model == text]
    if len(named) > 1:
        raise OvglmError(
            f"{len(named)} exports are of {text}: {', '.join(one.name for one in named)}",
            hint=f"ovglm rm {named[0].name}",
        )
    if named:
        return named[0]
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise OvglmError(f"{text!r} is neither in the store nor a folder here", hint="ovglm list")
    folder = folder.absolute()
    if not _is_stored(folder):
        manifest.read_manifest(folder)
    return _describe(folder)


def remove_export(export: StoredExport) -> tuple[Path, ...]:
    """Delete an export; give the files that stay, because they are not the export's.

    A folder of the store goes as a whole. Elsewhere the manifest's files go, and the folder too
    if nothing else is in it.
    """
    folder = export.folder
    try:
        if _is_stored(folder):
            shutil.rmtree(folder)
            return ()
        for file in _own_files(folder):
            file.unlink(missing_ok=True)
        left = tuple(sorted(folder.iterdir()))
        if not left:
            folder.rmdir()
        return left
    except OSError as error:
        raise FolderError(
            f"{folder} cannot be removed: {error.strerror or error}",
            hint=f"end the program that uses it, then: ovglm rm {folder}",
        ) from error


def _is_stored(folder: Path) -> bool:
    return folder.resolve().parent == exports_folder().resolve()


def _own_files(folder: Path) -> list[Path]:
    """List the manifest's files and then the manifest; never one outside the folder."""
    names = manifest.read_manifest(folder).files
    inside = [
        file for name in names if (file := folder / name).resolve().parent == folder.resolve()
    ]
    return [*inside, folder / manifest.FILE_NAME]


def _describe(folder: Path) -> StoredExport:
    is_complete = (folder / manifest.FILE_NAME).is_file() and folder.suffix != PARTIAL
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    plain = StoredExport(folder.name, folder, size, is_complete, last_used=_last_used(folder))
    if not is_complete:
        return plain
    try:
        told = manifest.read_manifest(folder)
    except FolderError:
        return plain
    return StoredExport(
        name=plain.name,
        folder=folder,
        size_bytes=size,
        is_complete=True,
        model=told.model,
        recipe=told.recipe.name,
        illegal=tuple(told.devices.items()),
        last_used=plain.last_used,
    )


def _last_used(folder: Path) -> datetime | None:
    file = folder / USED
    if not file.is_file():
        return None
    return datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
