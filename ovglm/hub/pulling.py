"""Brings a whole model into the store: room first, one process at a time, the record last."""

import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ovglm.errors import HubError
from ovglm.folder_locks import lock_of, locked
from ovglm.hub.fetching import fetch, is_there
from ovglm.hub.finding import find_remote
from ovglm.hub.partial import CHUNK_BYTES, PARTIAL, count_written
from ovglm.hub.record import read_record, source_folder, write_record
from ovglm.hub.remote import Hub, RemoteModel
from ovglm.hub.settings import CONNECTIONS, Patience
from ovglm.hub.watching import DownloadProgress, NoProgress
from ovglm.sizes import held_bytes

__all__ = ["check_room", "missing_bytes", "pull", "pull_remote"]

# Room for the file system's own needs.
_SPARE_BYTES = 64 << 20


def pull(
    name_or_id: str,
    *,
    source: Hub | None = None,
    revision: str | None = None,
    progress: DownloadProgress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Bring a whole model into the store and give its folder; what is there is not fetched again.

    Waits, and says so on stderr, where another process pulls the same model.
    Raises HubError, also where the disk has too little room, which is checked first.
    """
    remote = find_remote(name_or_id, source=source, revision=revision, patience=patience)
    return pull_remote(remote, progress, patience=patience)


def pull_remote(
    remote: RemoteModel,
    progress: DownloadProgress | None = None,
    *,
    patience: Patience | None = None,
) -> Path:
    """Bring a model that was found into the store. Raises HubError."""
    folder = source_folder(remote)
    if read_record(folder) is not None:
        return folder
    check_room(remote)
    with _alone(folder, remote):
        if read_record(folder) is None:
            folder.mkdir(exist_ok=True)
            _fetch_all(remote, folder, progress or NoProgress(), patience)
            write_record(folder, remote)
    return folder


def missing_bytes(remote: RemoteModel) -> int:
    """Count the bytes that have to be fetched; what came of an unfinished file does not count."""
    folder = source_folder(remote)
    absent = [file for file in remote.files if not is_there(folder, file)]
    return sum(file.size - count_written(folder, file, remote.revision) for file in absent)


def check_room(remote: RemoteModel) -> None:
    """Refuse where the disk is too small; what is fetched already is not needed again."""
    folder = source_folder(remote)
    nearest = next(one for one in (folder, *folder.parents) if one.is_dir())
    missing = sum(file.size for file in remote.files if not is_there(folder, file))
    needed, free = missing + _SPARE_BYTES, shutil.disk_usage(nearest).free
    if free + _begun_bytes(folder) < needed:
        raise HubError(
            f"{remote.repo} needs {needed / 1e9:.1f} GB of disk at {nearest}, "
            f"{free / 1e9:.1f} GB are free",
            "free some space (ovglm store), or set OVGLM_HOME to a folder on another disk",
        )


def _begun_bytes(folder: Path) -> int:
    """Count what unfinished files take already; on most systems that is less than their length."""
    return sum(map(held_bytes, folder.glob(f"*{PARTIAL}")))


def _fetch_all(
    remote: RemoteModel, folder: Path, progress: DownloadProgress, patience: Patience | None
) -> None:
    """Fetch the small files side by side, then the large ones, each over all connections."""
    stop = threading.Event()
    one = partial(fetch, remote, folder=folder, progress=progress, patience=patience, stop=stop)
    small = [file for file in remote.files if file.size <= CHUNK_BYTES]
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ovglm-pull") as pool:
        try:
            done, _ = wait([pool.submit(one, file) for file in small], return_when=FIRST_EXCEPTION)
            for task in done:
                task.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    for file in remote.files:
        if file not in small:
            one(file)


@contextmanager
def _alone(folder: Path, remote: RemoteModel) -> Iterator[None]:
    """Keep other processes from the folder; say so where one is at it already."""
    folder.parent.mkdir(parents=True, exist_ok=True)

    def say() -> None:
        text = f"another process is pulling {remote.repo}: waiting until it is done"
        print(text, file=sys.stderr, flush=True)

    with locked(lock_of(folder), say):
        yield
