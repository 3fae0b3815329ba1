"""Sizes in words, the same everywhere that a person reads them, and the room that a file takes."""

from pathlib import Path

__all__ = ["held_bytes", "size_text"]


def size_text(size_bytes: int) -> str:
    """Write a number of bytes as people read it: 2.3 GB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def held_bytes(file: Path) -> int:
    """Return the bytes that a file takes on the disk, in which one that is fetched has holes."""
    stat = file.stat()
    blocks = getattr(stat, "st_blocks", None)  # of 512 bytes; Windows has none
    return stat.st_size if blocks is None else min(stat.st_size, 512 * blocks)
