"""Where an export works and how it ends: `OUTPUT.partial`, one writer, one rename at the end."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ovglm.errors import ExportError
from ovglm.manifest import FILE_NAME
from ovglm.sizes import held_bytes

__all__ = [
    "Workspace",
    "check_disk",
    "check_output",
    "open_workspace",
    "recover_output",
    "refuse_full_disk",
]

# Room for the tokenizer, the graph's XML and the file system's own needs.
_SPARE_BYTES = 200 << 20


class Workspace:
    """The folder beside the output: the spool, the files to be, and for a moment the old export.

    source: what is fetched of a checkpoint that is exported straight from its hub.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_name(output.name + ".partial")
        self.spool = self.folder / "spool"
        self.source = self.folder / "source"
        self.model = self.folder / "model"
        self.old = self.folder / "old"

    def discard(self) -> None:
        """Remove everything that was written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """Put the finished folder in place; an older export stays until then.

        Raises ExportError where the system does not let the folder go; the work is kept.
        """
        try:
            if self.output.exists():
                os.rename(self.output, self.old)
            os.rename(self.model, self.output)
        except OSError as error:
            _restore(self)
            raise ExportError(
                f"{self.output} cannot be put in place: {error.strerror}",
                "close what uses the folder and start the same export again: it goes on from here",
            ) from error
        self.discard()


def recover_output(output: Path) -> None:
    """Clear up after an export that was killed between the two renames of its end, or after them.

    An older export goes back in its place; what is left of a complete one is removed.
    """
    space = Workspace(output)
    if not space.folder.is_dir() or not (_was_moved_away(space) or _was_finished(space)):
        return
    with _locked(output):
        if _was_moved_away(space):
            _restore(space)
        elif _was_finished(space):
            space.discard()


def check_output(output: Path, force: bool) -> None:
    """Refuse an output that would cost the user something, or that cannot be written."""
    for path in (output, *output.parents):
        if os.path.exists(path) and not os.path.isdir(path):
            raise ExportError(f"{path} is a file, not a folder", "give another folder with -o")
    for folder in (_nearest_folder(output), output):
        if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):
            raise ExportError(f"{folder} is not writable", "give another folder with -o")
    if output.is_dir() and any(output.iterdir()):
        if not (output / FILE_NAME).is_file():
            raise ExportError(
                f"{output} holds files that are no export of ovglm", "give another folder with -o"
            )
        if not force:
            raise ExportError(
                f"{output} is a finished export", "add --force to replace it, or give another -o"
            )


def check_disk(output: Path, most_bytes: int, states_bytes: int = 0) -> None:
    """Refuse where the disk is too small for what lies in the workspace at once.

    states_bytes: of hidden states of calibration text, beside the rest. What an interrupted export
    has written already is not needed again.
    """
    needed, free = _needed_and_free(output, most_bytes + states_bytes)
    if free < needed and needed - states_bytes <= free:
        raise ExportError(
            f"the calibration's hidden states need {states_bytes / 1e9:.1f} GB of disk at "
            f"{output.parent} beside the export's {(needed - states_bytes) / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free",
            "take less text with --samples or --sample-length, or another disk with -o",
        )
    if free < needed:
        raise ExportError(
            f"the export needs {needed / 1e9:.1f} GB of disk at {output.parent}, "
            f"{free / 1e9:.1f} GB are free",
            "free some space, or give a folder on another disk with -o",
        )


def refuse_full_disk(output: Path, most_bytes: int, error: OSError | RuntimeError) -> None:
    """Raise ExportError where `error` came from a disk that filled up since check_disk.

    OpenVINO's own writer does not say what stopped it, so the free space is looked at again.
    """
    needed, free = _needed_and_free(output, most_bytes)
    is_named = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if is_named or free < needed:
        raise ExportError(
            f"the disk at {output.parent} filled up during the export: {free / 1e9:.1f} GB are "
            f"free, {needed / 1e9:.1f} GB are still needed",
            "free some space and start the same export again: it goes on from here",
        ) from error


@contextmanager
def open_workspace(output: Path) -> Iterator[Workspace]:
    """Make the workspace and lock it against a second export to the same output.

    Folders above it that had to be made and stay empty are removed again.
    """
    made = [folder for folder in output.parents if not folder.exists()]
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(output):
            space = Workspace(output)
            space.folder.mkdir(exist_ok=True)
            yield space
    finally:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Hold the output's lock; raise ExportError where another process holds it."""
    path = output.with_name(output.name + ".lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ExportError(
            f"another export to {output} is running", "wait for it, or give another folder with -o"
        ) from error
    try:
        yield
    finally:
        # Removed while it is held: nobody can hold a removed file and believe it is the lock.
        # Windows keeps an open file; there the release removes it.
        with suppress(PermissionError, FileNotFoundError):
            path.unlink()
        lock.release()


def _was_moved_away(space: Workspace) -> bool:
    """Tell whether an older export lies where finish() puts it for a moment."""
    return space.old.exists() and not space.output.exists()


def _was_finished(space: Workspace) -> bool:
    """Tell whether the output is in place and only the workspace is left to remove."""
    return (space.output / FILE_NAME).is_file() and not space.model.exists()


def _restore(space: Workspace) -> None:
    """Put an older export back."""
    if _was_moved_away(space):
        os.rename(space.old, space.output)


def _needed_and_free(output: Path, most_bytes: int) -> tuple[int, int]:
    """Return the bytes that the rest of the export takes, and those that the disk has."""
    written = sum(map(held_bytes, Workspace(output).folder.rglob("*.*")))
    needed = max(0, most_bytes - written) + _SPARE_BYTES
    return needed, shutil.disk_usage(_nearest_folder(output)).free


def _nearest_folder(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    return next(folder for folder in path.parents if os.path.isdir(folder))
