"""Reads a remote file in its order, over several connections: for what never lies here whole."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from mmap import mmap

from ovglm.hub.door import Door, Hiccup, Mismatch
from ovglm.hub.doors import open_door
from ovglm.hub.ranges import read_answer
from ovglm.hub.remote import RemoteFile, RemoteModel
from ovglm.hub.retrying import go_on_asking, other_bytes
from ovglm.hub.settings import CONNECTIONS, Patience

__all__ = ["PIECE_BYTES", "read_in_order"]

# With four connections 32 MiB at most are in memory.
PIECE_BYTES = 8 << 20


def read_in_order(
    remote: RemoteModel,
    file: RemoteFile,
    start: int,
    stop: int,
    arrived: Callable[[int], object] = lambda _: None,
    *,
    patience: Patience | None = None,
) -> Generator[memoryview, None, None]:
    """Yield the bytes of a remote file from `start` up to, not including, `stop`, in their order.

    Cut connections, statuses that pass and short answers are asked for again from the byte that
    was reached. The bytes are not summed: that is left to whoever has all of them. Close the
    iterator to end the connections early. arrived: hears of each block's bytes, from several
    threads. A piece has at most PIECE_BYTES, and is overwritten after the next one was asked for.
    Raises HubError, also where the hub knows no ranges, or has a file of another size by now.
    """
    patience = patience or Patience()
    door = open_door(remote.source, patience, remote.repo)
    reader = _Reader(door, patience, remote, file, arrived)
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ovglm-stream") as pool:
        waiting: deque[Future[mmap]] = deque()
        # Used again and again: to touch new memory costs more than to copy into it.
        free = [mmap(-1, PIECE_BYTES) for _ in range(CONNECTIONS)]
        try:
            for at in range(start, stop, PIECE_BYTES):
                if not free:
                    free.append(waiting.popleft().result())
                    yield memoryview(free[-1])
                end = min(at + PIECE_BYTES, stop)
                waiting.append(pool.submit(reader.read, free.pop(), at, end))
            while waiting:
                piece = waiting.popleft().result()
                yield memoryview(piece)[: piece.tell()]
        finally:
            reader.stop.set()
            pool.shutdown(cancel_futures=True)


class _Reader:
    """Reads single pieces; called from several threads."""

    def __init__(
        self,
        door: Door,
        patience: Patience,
        remote: RemoteModel,
        file: RemoteFile,
        arrived: Callable[[int], object],
    ) -> None:
        self._door, self._patience, self._arrived = door, patience, arrived
        self._remote, self._file = remote, file
        self.stop = threading.Event()

    def read(self, piece: mmap, start: int, stop: int) -> mmap:
        """Fill a piece of memory from its beginning, and give it back."""
        piece.seek(0)
        go_on_asking(
            self._door.address,
            self._patience,
            self.stop,
            lambda: self._ask(piece, start, stop),
            piece.tell,
        )
        return piece

    def _ask(self, piece: mmap, start: int, stop: int) -> None:
        """Ask for what a piece lacks; an answer that does not fit gets a second chance."""
        with suppress(Mismatch):  # a cache on the way may have been wrong
            self._stream(piece, start, stop)
            return
        try:
            self._stream(piece, start, stop)
        except Mismatch as error:
            name, repo = self._file.name, self._remote.repo
            raise other_bytes(self._door.address, name, repo, f": {error}") from error

    def _stream(self, piece: mmap, start: int, stop: int) -> None:
        repo, revision, name = self._remote.repo, self._remote.revision, self._file.name
        start += piece.tell()
        with self._door.open(repo, revision, name, start, stop) as answer:
            if answer.status != 206 and start > 0:
                raise Hiccup(
                    f"it ignores byte ranges and sends {name} from its beginning",
                    hint=f"try another mirror; or, slowly, all of it: ovglm pull {repo}",
                )
            for block in read_answer(answer, start, stop, self._file.size):
                piece.write(block)
                self._arrived(len(block))
                if self.stop.is_set():
                    return
