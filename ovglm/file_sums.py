"""Tells whether files of a folder are still those that were summed; cheap for large files too."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["QuickSum", "find_changes", "sum_files"]

BLOCK = 1 << 20
BLOCKS = 64


@dataclass(frozen=True)
class QuickSum:
    """Size in bytes, time of the last change in ns, and SHA-256 of a file's blocks.

    Up to 64 MiB every block counts. Of a larger file 64 blocks of 1 MiB do, spread evenly with
    the first and the last among them: a whole pass over gigabytes would cost what a cache saves.
    """

    size: int
    changed_ns: int
    sha256: str


def sum_files(folder: Path) -> dict[str, QuickSum]:
    """Sum every file below `folder`, named with forward slashes."""
    return {
        file.relative_to(folder).as_posix(): _sum_file(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def find_changes(folder: Path, sums: Mapping[str, QuickSum]) -> list[str]:
    """Say of each file of `sums` that is gone or changed what happened to it."""
    changes = []
    for name, wanted in sums.items():
        path = folder / name
        if not path.is_file():
            changes.append(f"{name} is missing")
        elif path.stat().st_size != wanted.size:
            changes.append(f"{name} has {path.stat().st_size} bytes, not {wanted.size}")
        elif _sum_file(path) != wanted:
            changes.append(f"{name} has changed")
    return changes


def _sum_file(path: Path) -> QuickSum:
    state = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for start in _block_starts(state.st_size):
            stream.seek(start)
            digest.update(stream.read(BLOCK))
    return QuickSum(state.st_size, state.st_mtime_ns, digest.hexdigest())


def _block_starts(size: int) -> list[int]:
    if size <= BLOCK * BLOCKS:
        return list(range(0, size, BLOCK))
    return [(size - BLOCK) * number // (BLOCKS - 1) for number in range(BLOCKS)]
