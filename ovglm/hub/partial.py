"""A file under way: its bytes in NAME.partial, and in NAME.journal which of them are there.

The journal says for each chunk how many of its bytes are written, so that after a kill only what
was on its way is fetched again. What a power cut loses is found by the checksum.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ovglm.hub.remote import RemoteFile

__all__ = ["CHUNK_BYTES", "JOURNAL", "PARTIAL", "PartialFile", "count_written"]

# Big enough that a hub is asked seldom (64 times for 1 GB), small enough to share out.
CHUNK_BYTES = 16 << 20
PARTIAL, JOURNAL = ".partial", ".journal"
_COUNT_BYTES = 8


class PartialFile:
    """The written part of a remote file. Chunks may be written from several threads at once."""

    def __init__(self, folder: Path, file: RemoteFile, revision: str) -> None:
        """Go on with what lies in the folder, or begin."""
        self.path = folder / (file.name + PARTIAL)
        self._journal_path = folder / (file.name + JOURNAL)
        self._size = file.size
        self._lock = threading.Lock()
        self._head = _journal_head(file, revision)
        self._written = _read_journal(folder, file, revision) or self._begin()
        self._journal: BinaryIO = self._journal_path.open("r+b", buffering=0)

    @property
    def written_bytes(self) -> int:
        """Count the bytes that are there."""
        return sum(self._written)

    def open_chunks(self) -> list[int]:
        """List the chunks that are not complete."""
        return [at for at in range(len(self._written)) if self._written[at] < self._length_of(at)]

    def span(self, chunk: int) -> tuple[int, int]:
        """Give the bytes that a chunk still lacks, as positions in the file: first, and one on."""
        start = chunk * CHUNK_BYTES
        return start + self._written[chunk], start + self._length_of(chunk)

    @contextmanager
    def writing(self, chunk: int) -> Iterator["ChunkWriter"]:
        """Open a chunk to write on where it ends."""
        with self.path.open("r+b", buffering=0) as stream:
            stream.seek(self.span(chunk)[0])
            yield ChunkWriter(self, chunk, stream)

    def note(self, chunk: int, count: int) -> None:
        """Remember that a chunk got `count` more bytes."""
        with self._lock:
            self._written[chunk] += count
            self._journal.seek(len(self._head) + chunk * _COUNT_BYTES)
            self._journal.write(self._written[chunk].to_bytes(_COUNT_BYTES, "little"))

    def finish(self, target: Path) -> None:
        """Give the complete file its name."""
        self.close()
        os.replace(self.path, target)
        self._journal_path.unlink(missing_ok=True)

    def start_again(self) -> None:
        """Forget all bytes."""
        self._journal.close()
        self._written = self._begin()
        self._journal = self._journal_path.open("r+b", buffering=0)

    def close(self) -> None:
        """Close the journal; it stays for the next attempt."""
        self._journal.close()

    def _length_of(self, chunk: int) -> int:
        return _length_of(self._size, chunk)

    def _begin(self) -> list[int]:
        """Make both files: an empty one of full length, and a journal of zeros."""
        self._journal_path.unlink(missing_ok=True)
        with self.path.open("wb") as stream:
            stream.truncate(self._size)
        zeros = [0] * _count_chunks(self._size)
        self._journal_path.write_bytes(self._head + bytes(len(zeros) * _COUNT_BYTES))
        return zeros


class ChunkWriter:
    """One chunk of a partial file, open at its end."""

    def __init__(self, partial: PartialFile, chunk: int, stream: BinaryIO) -> None:
        self._partial = partial
        self._chunk = chunk
        self._stream = stream

    def write(self, piece: bytes) -> None:
        """Write the next bytes, then note them."""
        left = memoryview(piece)
        while left:
            left = left[self._stream.write(left) :]
        self._partial.note(self._chunk, len(piece))


def count_written(folder: Path, file: RemoteFile, revision: str) -> int:
    """Count the bytes of an unfinished file that are there."""
    return sum(_read_journal(folder, file, revision) or ())


def _journal_head(file: RemoteFile, revision: str) -> bytes:
    """Say whose journal it is."""
    whose = [revision, file.name, file.size, file.sha256, file.blob_sha1, CHUNK_BYTES]
    return json.dumps(whose).encode() + b"\n"


def _read_journal(folder: Path, file: RemoteFile, revision: str) -> list[int] | None:
    """Read the counts; None where there are none for just this file."""
    head = _journal_head(file, revision)
    try:
        raw = (folder / (file.name + JOURNAL)).read_bytes()
        is_there = (folder / (file.name + PARTIAL)).stat().st_size == file.size
    except OSError:
        return None
    body = raw[len(head) :]
    if not is_there or not raw.startswith(head):
        return None
    if len(body) != _count_chunks(file.size) * _COUNT_BYTES:
        return None
    counts = [
        int.from_bytes(body[at : at + _COUNT_BYTES], "little")
        for at in range(0, len(body), _COUNT_BYTES)
    ]
    fits = all(count <= _length_of(file.size, at) for at, count in enumerate(counts))
    return counts if fits else None


def _length_of(size: int, chunk: int) -> int:
    return min(CHUNK_BYTES, size - chunk * CHUNK_BYTES)


def _count_chunks(size: int) -> int:
    return -(-size // CHUNK_BYTES)
