"""Who writes or reads a folder of the store now; between processes, by locks beside the folder.

NAME.lock is held by the one process that writes NAME or removes it, NAME.readers/*.lock by each
that reads it and needs it to stay. A process that dies holds nothing any more. Who held NAME.lock
removes the file while it is held, so who waits for it asks for the name again.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

__all__ = ["has_readers", "keep_folder", "lock_of", "locked", "locked_now"]


def lock_of(folder: Path) -> Path:
    """Name the lock of a folder's writer."""
    return folder.with_name(f"{folder.name}.lock")


@contextmanager
def locked_now(path: Path, *, tidy: bool = False) -> Iterator[bool]:
    """Take a lock if it is free, without waiting; tell whether it was taken.

    tidy: leave no lock file behind.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        yield False
        return
    try:
        yield True
    finally:
        _let_go(lock, tidy=tidy)


@contextmanager
def locked(path: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a lock, waiting for it as long as it takes, and leave no lock file behind.

    on_wait: is called where another process holds it.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        lock.acquire()
    while not path.exists():  # its last holder removed what we waited for
        lock.release()
        lock.acquire()
    try:
        yield
    finally:
        _let_go(lock, tidy=True)


def _let_go(lock: FileLock, *, tidy: bool) -> None:
    """Release a lock; its file is removed while it is held.

    Windows keeps an open file, and there filelock removes it.
    """
    with suppress(OSError):
        if tidy:
            Path(lock.lock_file).unlink()
    lock.release()


@contextmanager
def keep_folder(folder: Path) -> Iterator[None]:
    """Keep a folder from being removed by others while the block runs; many may do so at once.

    Where the place cannot be written, nobody can be told.
    """
    readers = _readers(folder)
    if not os.access(folder.parent, os.W_OK):
        yield
        return
    with locked(lock_of(folder)):  # a removal under way ends first
        readers.mkdir(exist_ok=True)
        mark = FileLock(readers / f"{uuid4().hex}.lock")
        mark.acquire()
    try:
        yield
    finally:
        mark.release()
        with suppress(OSError):
            Path(mark.lock_file).unlink(missing_ok=True)
            readers.rmdir()


def has_readers(folder: Path) -> bool:
    """Tell whether a live process reads a folder; ask with the folder's lock held.

    Marks that dead processes left are removed.
    """
    readers = _readers(folder)
    for mark in readers.glob("*.lock"):
        with locked_now(mark) as is_free:
            if not is_free:
                return True
    shutil.rmtree(readers, ignore_errors=True)
    return False


def _readers(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.readers")
