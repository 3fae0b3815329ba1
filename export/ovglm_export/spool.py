"""Finished parts on disk with their checksums: a killed export goes on where it stopped."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openvino as ov

from ovglm.manifest import file_sha256

__all__ = ["Spool"]

_JOURNAL = "spool.json"
_AUTO_NAME = re.compile(r"^[A-Za-z]+_\d+$")


class Spool:
    """A folder of finished parts.

    key: names everything the parts depend on; a spool with another key is emptied first.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        journal = self._read_journal()
        if journal.get("key") != key:
            shutil.rmtree(folder)
            folder.mkdir()
            journal = {"key": key, "parts": {}}
        for scratch in filter(Path.is_dir, list(folder.iterdir())):
            shutil.rmtree(scratch, ignore_errors=True)
        self._journal = journal
        self._core = ov.Core()

    def has(self, name: str) -> bool:
        """Tell whether a part is here and undamaged."""
        sums = self._journal["parts"].get(name)
        return sums is not None and all(
            (self.folder / file).is_file() and file_sha256(self.folder / file) == digest
            for file, digest in sums.items()
        )

    def save(self, name: str, model: ov.Model) -> None:
        """Save a part, then note it: a kill in between leaves it unnoted."""
        _name_nodes(model, name)
        path = self.folder / f"{name}.xml"
        ov.save_model(model, path, compress_to_fp16=False)
        files = (path, path.with_suffix(".bin"))
        self._journal["parts"][name] = {file.name: file_sha256(file) for file in files}
        self._write_journal()

    def drop(self, name: str) -> None:
        """Take a part for not made."""
        if self._journal["parts"].pop(name, None) is not None:
            self._write_journal()

    def load(self, name: str) -> ov.Model:
        """Read a part back; its weights are mapped, not read."""
        return self._core.read_model(self.folder / f"{name}.xml")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder for files that are needed until a part is saved."""
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def note(self, name: str, value: object) -> None:
        """Keep a small JSON value beside the parts."""
        self._journal.setdefault("notes", {})[name] = value
        self._write_journal()

    def noted(self, name: str) -> object | None:
        """Return a kept value, or None."""
        return self._journal.get("notes", {}).get(name)

    def _read_journal(self) -> dict:
        """Read the journal; an absent or half-written one counts as empty."""
        try:
            journal = json.loads((self.folder / _JOURNAL).read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
            return {}
        return journal if isinstance(journal, dict) else {}

    def _write_journal(self) -> None:
        """Replace the journal in one step."""
        temporary = self.folder / f"{_JOURNAL}.new"
        temporary.write_text(json.dumps(self._journal, indent=1), encoding="utf-8")
        os.replace(temporary, self.folder / _JOURNAL)


def _name_nodes(model: ov.Model, part: str) -> None:
    """Replace the runtime's counted names by ones that are equal in every run.

    Without it the same export would give other bytes, depending on what ran before it.
    """
    for index, op in enumerate(model.get_ordered_ops()):
        if _AUTO_NAME.match(op.get_friendly_name()):
            op.set_friendly_name(f"{part}.{op.get_type_name()}.{index}")
