"""Compiled models on disk, one folder per model, device and settings. Knows no OpenVINO.

A folder is trusted only while its files are those that the last finished load left there. It is
locked while a model is loaded from it, so two processes never write into one at the same time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ovglm.compiled_entry import BLOBS, Entry, Record, read_record
from ovglm.errors import OvglmError
from ovglm.store import folder_bytes, home_folder

__all__ = ["CachedModel", "Cleared", "CompiledCache", "compiled_folder"]

LIMIT_VARIABLE = "OVGLM_CACHE_GB"
DEFAULT_LIMIT_GB = 20.0


@dataclass(frozen=True)
class CachedModel:
    """One compiled model; `last_used` in seconds since 1970, 0 where nothing tells."""

    key: str
    folder: Path
    model: str
    facts: Mapping[str, Any]
    size_bytes: int
    last_used: float
    is_in_use: bool


@dataclass(frozen=True)
class Cleared:
    """What was deleted, and what was left because a process uses it."""

    removed: tuple[CachedModel, ...]
    left: tuple[CachedModel, ...]

    @property
    def freed_bytes(self) -> int:
        """Return the size of what was deleted."""
        return sum(one.size_bytes for one in self.removed)


def compiled_folder() -> Path:
    """Give the place of compiled models in ovglm's own folder."""
    return home_folder() / "compiled"


class CompiledCache:
    """The compiled models below one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def open(
        self,
        key_facts: Mapping[str, Any],
        *,
        model: str = "",
        say: Callable[[str], None] = lambda _: None,
    ) -> Iterator[Entry]:
        """Lend the entry of `key_facts`, which must hold all that the compiled model depends on.

        Give `entry.folder` to the compiler as CACHE_DIR and call `entry.seal()` after the load.
        Without it the files are deleted at the end, except after Ctrl-C. A process that dies
        before it seals leaves files that the next one deletes. `say` hears of waiting; `model` is
        a name for people. Raises OvglmError where the folder cannot be written.
        """
        key = _to_key(key_facts)
        with self._lend(key, say):
            entry = self._prepare(key, Record(facts=dict(key_facts), model=model))
            try:
                yield entry
            except KeyboardInterrupt:
                entry.restore()
                raise
            finally:
                entry.close()
            if entry.state == "cold":
                self.prune()

    def list(self) -> tuple[CachedModel, ...]:
        """List what is there, the last used first."""
        folders = [one for one in self.root.glob("*") if (one / BLOBS).is_dir()]
        found = [self._describe(folder) for folder in folders]
        return tuple(sorted(found, key=lambda one: one.last_used, reverse=True))

    def clear(self) -> Cleared:
        """Delete everything that no process is loading."""
        return self._remove(self.list())

    def prune(self, limit_bytes: int | None = None) -> Cleared:
        """Delete the least recently used until the rest fits the limit; never one in use.

        Without a limit it is OVGLM_CACHE_GB, or 20 GB.
        """
        left = _limit_from_environment() if limit_bytes is None else limit_bytes
        surplus = []
        for one in self.list():
            left -= one.size_bytes
            if left < 0:
                surplus.append(one)
        return self._remove(tuple(surplus))

    def remove(self, one: CachedModel) -> bool:
        """Delete one compiled model unless a process uses it; tell whether it is gone."""
        try:
            with self._lock(one.key).acquire(timeout=0):
                shutil.rmtree(one.folder)
        except (Timeout, OSError):
            return False  # being loaded; or, on Windows, mapped by a process that runs it
        return True

    @contextmanager
    def _lend(self, key: str, say: Callable[[str], None]) -> Iterator[None]:
        try:
            lock = self._lock(key)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                say("another process is loading this model onto this device: waiting for it")
                lock.acquire()
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield
        finally:
            lock.release()

    def _prepare(self, key: str, record: Record) -> Entry:
        try:
            entry = Entry(self.root / key, record)
            entry.prepare()
            return entry
        except OSError as error:
            raise _unwritable(self.root, error) from error

    def _lock(self, key: str) -> FileLock:
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{key}.lock")

    def _remove(self, models: tuple[CachedModel, ...]) -> Cleared:
        removed, left = [], []
        for one in models:
            (removed if self.remove(one) else left).append(one)
        return Cleared(tuple(removed), tuple(left))

    def _describe(self, folder: Path) -> CachedModel:
        record = read_record(folder) or Record(facts={})
        return CachedModel(
            key=folder.name,
            folder=folder,
            model=record.model,
            facts=record.facts,
            size_bytes=folder_bytes(folder / BLOBS),
            last_used=record.last_used,
            is_in_use=self._is_in_use(folder.name),
        )

    def _is_in_use(self, key: str) -> bool:
        try:
            with self._lock(key).acquire(timeout=0):
                return False
        except (Timeout, OSError):
            return True


def _to_key(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _limit_from_environment() -> int:
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        gigabytes = float(text) if text else DEFAULT_LIMIT_GB
        if gigabytes < 0:
            raise ValueError
    except ValueError:
        raise OvglmError(
            f"{LIMIT_VARIABLE} is {text!r}, not a number of gigabytes",
            hint=f"{LIMIT_VARIABLE}={DEFAULT_LIMIT_GB:g}",
        ) from None
    return int(gigabytes * 1e9)


def _unwritable(root: Path, error: OSError) -> OvglmError:
    return OvglmError(
        f"compiled models cannot be kept in {root}: {error.strerror or error}",
        hint="--no-cache, or --cache-dir with a folder of yours",
    )
