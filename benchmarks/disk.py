"""The most disk that a command takes below some folders, deleted files that it still holds too."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

__all__ = ["DiskPeak", "held_bytes"]

_DELETED = " (deleted)"


class DiskPeak:
    """Looks again and again, and remembers the most bytes."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.bytes = 0
        self._folders = tuple(folders)

    def look(self, pid: int) -> None:
        """Look now; pid: the process whose tree works below the folders."""
        now = sum(map(held_bytes, self._folders)) + _deleted_bytes(pid, self._folders)
        self.bytes = max(self.bytes, now)


def held_bytes(folder: Path) -> int:
    """Return the bytes that all files below a folder take on the disk."""
    size = 0
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    for path in paths:  # os.walk also passes over folders that vanish
        try:
            size += _allocated(path.lstat())
        except FileNotFoundError:
            continue  # deleted while we look
    return size


def _allocated(stat: os.stat_result) -> int:
    """Return what a file takes: a sparse one less than its size."""
    blocks = getattr(stat, "st_blocks", None)
    return stat.st_size if blocks is None else 512 * blocks


def _deleted_bytes(pid: int, folders: Sequence[Path]) -> int:
    """Return the bytes of deleted files that the processes hold open or mapped; 0 but on Linux."""
    if sys.platform != "linux":
        return 0
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    found: dict[tuple[int, int], int] = {}
    for process in tree:
        for kind in ("fd", "map_files"):
            for link in _links(Path(f"/proc/{process.pid}/{kind}"), folders):
                try:
                    stat = link.stat()
                except OSError:
                    continue  # closed while we look
                found[stat.st_dev, stat.st_ino] = _allocated(stat)
    return sum(found.values())


def _links(folder: Path, folders: Sequence[Path]) -> Iterator[Path]:
    """List the links to deleted files below the folders."""
    try:
        links = list(folder.iterdir())
    except OSError:
        return
    for link in links:
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.endswith(_DELETED) and any(target.startswith(str(one)) for one in folders):
            yield link
