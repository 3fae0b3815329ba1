"""Fetches one file: in chunks over several connections, checked, and with its name only then."""

import errno
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from ovglm.errors import HubError
from ovglm.hub.door import Door, Mismatch
from ovglm.hub.doors import open_door
from ovglm.hub.finding import read_bytes
from ovglm.hub.partial import PartialFile
from ovglm.hub.ranges import read_answer
from ovglm.hub.remote import RemoteFile, RemoteModel
from ovglm.hub.retrying import go_on_asking, other_bytes
from ovglm.hub.settings import CONNECTIONS, Patience
from ovglm.hub.watching import DownloadProgress, NoProgress
from ovglm.manifest import file_sha256

__all__ = ["fetch", "is_there", "read_range"]


def fetch(
    remote: RemoteModel,
    file: RemoteFile,
    folder: Path,
    progress: DownloadProgress | None = None,
    *,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Fetch one file into `folder`, over several connections, and give its path.

    A file of the right size that is already there is not fetched again. A killed fetch goes on
    where it stopped when it is called again with the same folder. The file gets its name only
    after its SHA-256 was checked. One process at a time per folder: the caller sees to that.
    stop: set from another thread, it ends the fetch at once. Raises HubError.
    """
    progress, patience = progress or NoProgress(), patience or Patience()
    target = folder / file.name
    if is_there(folder, file):
        progress.begin(file.name, file.size, file.size)
        progress.end(file.name)
        return target
    folder.mkdir(parents=True, exist_ok=True)
    door = open_door(remote.source, patience, remote.repo)
    with _full_disk_explained(folder, remote):
        _Fetch(door, remote, file, (progress, patience, stop or threading.Event())).into(target)
    return target


def read_range(
    remote: RemoteModel,
    file: RemoteFile,
    start: int,
    length: int,
    *,
    patience: Patience | None = None,
) -> bytes:
    """Read `length` bytes of a remote file from `start`; fewer where the file ends before.

    Raises HubError.
    """
    patience = patience or Patience()
    stop = min(start + length, file.size)
    if start >= stop:
        return b""
    door = open_door(remote.source, patience, remote.repo)
    return read_bytes(door, patience, remote, file, start, stop)


def is_there(folder: Path, file: RemoteFile) -> bool:
    """Tell whether a file was fetched before: it has its name, which it got after its check."""
    path = folder / file.name
    return path.is_file() and not path.is_symlink() and path.stat().st_size == file.size


class _Fetch:
    """One file under way."""

    def __init__(
        self,
        door: Door,
        remote: RemoteModel,
        file: RemoteFile,
        manner: tuple[DownloadProgress, Patience, threading.Event],
    ) -> None:
        self._door, self._remote, self._file = door, remote, file
        self._progress, self._patience, self._stop = manner

    def into(self, target: Path) -> None:
        """Fetch, check and name the file; bytes that fail the check are fetched once more."""
        partial = PartialFile(target.parent, self._file, self._remote.revision)
        try:
            self._progress.begin(self._file.name, self._file.size, partial.written_bytes)
            if not self._is_fetched_right(partial):
                self._progress.advance(self._file.name, -partial.written_bytes)
                partial.start_again()
                if not self._is_fetched_right(partial):
                    partial.start_again()
                    raise self._wrong()
        finally:
            partial.close()
        partial.finish(target)
        self._progress.end(self._file.name)

    def _is_fetched_right(self, partial: PartialFile) -> bool:
        try:
            self._fill(partial)
        except Mismatch:
            return False
        return _is_right(partial.path, self._file)

    def _fill(self, partial: PartialFile) -> None:
        """Fetch all chunks that are not complete; the first error stops all connections."""
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ovglm-fetch") as pool:
            tasks = [
                pool.submit(self._fill_chunk, partial, chunk) for chunk in partial.open_chunks()
            ]
            try:
                done, _ = wait(tasks, return_when=FIRST_EXCEPTION)
                for task in done:
                    task.result()
            except Mismatch:
                pool.shutdown(cancel_futures=True)  # the file begins again, the others go on
                raise
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _fill_chunk(self, partial: PartialFile, chunk: int) -> None:
        """Fetch one chunk, as long as it takes."""
        go_on_asking(
            self._door.address,
            self._patience,
            self._stop,
            lambda: self._stream(partial, chunk),
            lambda: partial.span(chunk)[0],
        )

    def _stream(self, partial: PartialFile, chunk: int) -> None:
        name, (start, stop) = self._file.name, partial.span(chunk)
        repo, revision = self._remote.repo, self._remote.revision
        with (
            self._door.open(repo, revision, name, start, stop) as answer,
            partial.writing(chunk) as writer,
        ):
            for piece in read_answer(answer, start, stop, self._file.size):
                writer.write(piece)
                self._progress.advance(name, len(piece))
                if self._stop.is_set():
                    return

    def _wrong(self) -> HubError:
        return other_bytes(self._door.address, self._file.name, self._remote.repo, ", twice")


def _is_right(path: Path, file: RemoteFile) -> bool:
    """Hold a file against the checksum that the hub lists: SHA-256, or git's id of a blob."""
    if file.sha256 is not None:
        return file_sha256(path) == file.sha256
    if file.blob_sha1 is not None:
        digest = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        digest.update(path.read_bytes())
        return digest.hexdigest() == file.blob_sha1
    return path.stat().st_size == file.size


@contextmanager
def _full_disk_explained(folder: Path, remote: RemoteModel) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise HubError(
            f"the disk at {folder} filled up while {remote.repo} was fetched",
            "free some space and give the same command again: it goes on from here",
        ) from error
