"""A range of an open file, piece by piece."""

from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["read_chunks"]

_CHUNK = 1 << 20


def read_chunks(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """Read `size` bytes from `start`, at most 1 MiB at a time; fewer where the file ends."""
    file.seek(start)
    while size > 0 and (chunk := file.read(min(size, _CHUNK))):
        yield chunk
        size -= len(chunk)
