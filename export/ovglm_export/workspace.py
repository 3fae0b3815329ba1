"""Where an export works and how it ends: `OUTPUT.partial`, one writer, one rename at the end."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ovglm.errors import ExportError
from ovglm.manifest import FILE_NAME

__all__ = ["Workspace", "check_disk", "check_output", "open_workspace"]

# Room for the tokenizer, the graph's XML and the file system's own needs.
_SPARE_BYTES = 200 << 20


class Workspace:
    """The folder beside the output that holds the spool and the files to be."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_name(output.name + ".partial")
        self.spool = self.folder / "spool"
        self.model = self.folder / "model"

    def discard(self) -> None:
        """Remove everything that was written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> None:
        """Put the finished folder in place; an older export stays until then."""
        old = self.output.with_name(self.output.name + ".old")
        if self.output.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.rename(self.output, old)
        os.rename(self.model, self.output)
        shutil.rmtree(old, ignore_errors=True)
        self.discard()


def check_output(output: Path, force: bool) -> None:
    """Refuse an output that would cost the user something, or that cannot be written."""
    if output.is_file():
        raise ExportError(f"{output} is a file", "give another folder with -o")
    if output.is_dir() and any(output.iterdir()):
        if not (output / FILE_NAME).is_file():
            raise ExportError(
                f"{output} holds files that are no export of ovglm", "give another folder with -o"
            )
        if not force:
            raise ExportError(
                f"{output} is a finished export", "add --force to replace it, or give another -o"
            )
    parent = _nearest_folder(output)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ExportError(f"{parent} is not writable", "give another folder with -o")


def check_disk(output: Path, weights_bytes: int) -> None:
    """Refuse where the disk is too small: the spool and the joined model lie on it together."""
    needed = 2 * weights_bytes + _SPARE_BYTES
    free = shutil.disk_usage(_nearest_folder(output)).free
    if free < needed:
        raise ExportError(
            f"the export needs {needed / 1e9:.1f} GB of disk at {output.parent}, "
            f"{free / 1e9:.1f} GB are free",
            "free some space, or give a folder on another disk with -o",
        )


@contextmanager
def open_workspace(output: Path) -> Iterator[Workspace]:
    """Make the workspace and lock it against a second export to the same output."""
    space = Workspace(output)
    space.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output.with_name(output.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ExportError(
            f"another export to {output} is running", "wait for it, or give another folder with -o"
        ) from error
    try:
        yield space
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _nearest_folder(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    for folder in path.resolve().parents:
        if folder.is_dir():
            return folder
    return Path.cwd()
