"""One compiled model on disk: its files, what they depend on, and whether to trust them."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import time
from typing import Any, Literal

from ovglm.file_sums import QuickSum, find_changes, sum_files

__all__ = ["BLOBS", "Entry", "Record", "read_record"]

BLOBS = "blobs"
RECORD = "entry.json"


@dataclass(frozen=True)
class Record:
    """What entry.json holds; `sums` is None from the start of a load until its end."""

    facts: Mapping[str, Any]
    model: str = ""
    last_used: float = 0.0
    sums: Mapping[str, QuickSum] | None = field(default=None)


class Entry:
    """A folder to compile into or to load from.

    state: `warm` where whole files are there, else `cold`. notes: what the user should know, such
    as damage that was found.
    """

    def __init__(self, home: Path, record: Record) -> None:
        self.folder = home / BLOBS
        self.state: Literal["cold", "warm"] = "cold"
        self.notes: tuple[str, ...] = ()
        self._home = home
        self._record = record
        self._is_sealed = False

    def prepare(self) -> None:
        """Look at the files that are there, delete those that cannot be trusted."""
        before = read_record(self._home)
        had_files = any(self.folder.rglob("*")) if self.folder.is_dir() else False
        self.folder.mkdir(parents=True, exist_ok=True)
        if before is None or before.sums is None:
            if had_files:
                self.discard("the last load of the compiled model did not finish")
        elif changes := find_changes(self.folder, before.sums):
            self.discard(f"the compiled model on disk is damaged ({changes[0]})")
        elif before.sums:
            self._drop_strangers(before.sums)
            self._record = replace(self._record, sums=before.sums)
            self.state = "warm"
        self._write(replace(self._record, sums=None, last_used=time()))

    def discard(self, why: str) -> None:
        """Delete the files and say why, so that the next compilation starts from nothing."""
        _empty(self.folder)
        self.state = "cold"
        self._record = replace(self._record, sums=None)
        self.notes = (*self.notes, f"{why}: it is compiled again")

    def seal(self) -> None:
        """Vouch for the files as they are now: the load has finished."""
        self._record = replace(self._record, sums=sum_files(self.folder), last_used=time())
        self._write(self._record)
        self._is_sealed = True

    def restore(self) -> None:
        """Vouch for what was there before, after a load that was broken off from outside."""
        if self.state == "warm" and self._record.sums and not self._is_sealed:
            self._drop_strangers(self._record.sums)
            self._write(self._record)
            self._is_sealed = True

    def close(self) -> None:
        """Delete files that nobody vouched for: they may be why the load failed."""
        if not self._is_sealed:
            _empty(self.folder)

    def _drop_strangers(self, sums: Mapping[str, QuickSum]) -> None:
        for file in self.folder.rglob("*"):
            if file.is_file() and file.relative_to(self.folder).as_posix() not in sums:
                file.unlink()

    def _write(self, record: Record) -> None:
        text = json.dumps(asdict(record), indent=2, ensure_ascii=False)
        draft = self._home / f"{RECORD}.new"
        draft.write_text(text + "\n", encoding="utf-8")
        os.replace(draft, self._home / RECORD)


def read_record(home: Path) -> Record | None:
    """Read what is known of an entry, None where nothing readable is there."""
    try:
        raw = json.loads((home / RECORD).read_text(encoding="utf-8"))
        sums = raw["sums"]
        if sums is not None:
            sums = {name: QuickSum(**one) for name, one in sums.items()}
        return Record(raw["facts"], raw["model"], raw["last_used"], sums)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
