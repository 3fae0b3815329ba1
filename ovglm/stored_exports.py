"""The exported models of the store: what they are, when they were used, and their removal."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ovglm import manifest
from ovglm.errors import FolderError, OvglmError
from ovglm.folder_locks import lock_of, locked_now
from ovglm.models import refuse_unknown
from ovglm.store import PARTIAL, exports_folder, folder_bytes

__all__ = [
    "PARTIAL",
    "StoredExport",
    "exports_called",
    "find_export",
    "holds_older",
    "is_being_written",
    "list_stored",
    "mark_used",
    "remove_export",
]

USED = ".last-used"


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


def find_export(text: str, others: Sequence[str] = ()) -> StoredExport:
    """Find what to remove: a folder of the store by its name or its model's, or an export's path.

    others: more names that a mistyped one could have meant.
    Raises OvglmError where nothing is called so, or more than one, or it is no export.
    """
    named = exports_called(text)
    if len(named) > 1:
        raise OvglmError(
            f"{len(named)} exports are of {text}: {', '.join(one.name for one in named)}",
            hint=f"ovglm rm {named[0].name}",
        )
    if named:
        return named[0]
    folder = Path(text).expanduser()
    if not folder.is_dir():
        stored = [name for one in list_stored() for name in (one.name, one.model) if name]
        what, known = "neither in the store nor a folder here", dict.fromkeys([*stored, *others])
        raise refuse_unknown(text, what, known, "ovglm rm", "ovglm list")
    folder = folder.absolute()
    if not _is_stored(folder):
        manifest.read_manifest(folder)
    return _describe(folder)


def exports_called(text: str) -> tuple[StoredExport, ...]:
    """Find the folder of the store that is called so, or else all whose model is."""
    stored = list_stored()
    named = tuple(one for one in stored if one.name == text)
    return named or tuple(one for one in stored if one.model == text)


def is_being_written(export: StoredExport) -> bool:
    """Tell whether an export into this folder of the store is running."""
    with locked_now(_lock(export.folder), tidy=True) as is_free:
        return not is_free


def holds_older(export: StoredExport) -> bool:
    """Tell whether an unfinished export holds the older one that it was to replace.

    A kill in the moment of the last two renames leaves it so; the next export mends it.
    """
    return (export.folder / "old").exists() and not _output_of(export.folder).exists()


def remove_export(export: StoredExport) -> tuple[Path, ...]:
    """Delete an export; give the files that stay, because they are not the export's.

    A folder of the store goes as a whole. Elsewhere the manifest's files go, and the folder too
    if nothing else is in it. Raises FolderError where an export into it is running.
    """
    folder = export.folder
    try:
        if _is_stored(folder):
            _remove_stored(folder)
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


def _remove_stored(folder: Path) -> None:
    with locked_now(_lock(folder), tidy=True) as is_free:
        if not is_free:
            raise FolderError(
                f"an export to {folder} is running",
                hint=f"wait for it to end, then: ovglm rm {folder.name}",
            )
        shutil.rmtree(folder)


def _lock(folder: Path) -> Path:
    """Name the lock that an export into this folder, or into what it will be, holds."""
    return lock_of(_output_of(folder))


def _output_of(folder: Path) -> Path:
    return folder.with_name(folder.name.removesuffix(PARTIAL))


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
    size = folder_bytes(folder)
    plain = StoredExport(folder.name, folder, size, is_complete, last_used=_last_used(folder))
    if not is_complete:
        return plain
    try:
        told = manifest.read_manifest(folder)
    except (FolderError, OSError):  # damaged, or removed while we look
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
    try:
        used = (folder / USED).stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(used, timezone.utc)
