"""Facts that are dear to find out, kept in a JSON file; losing it costs time and nothing else."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["Memory"]


class Memory:
    """A dict on disk. What cannot be read counts as forgotten, what cannot be written is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self, key: str) -> Any:
        """Give what is known of `key`, None where nothing is."""
        return self._read().get(key)

    def remember(self, facts: dict[str, Any]) -> None:
        """Add facts, in place of older ones of the same keys."""
        text = json.dumps({**self._read(), **facts}, indent=1)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, encoding="utf-8")
            os.replace(draft, self._path)

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return known if isinstance(known, dict) else {}
