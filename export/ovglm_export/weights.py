"""What an export asks of its weights, wherever they are: on this disk, or coming from a hub."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ovglm.manifest import FileSum
from ovglm.progress import Progress
from ovglm.store import SOURCE_RECORD
from ovglm_export.plan import Plan
from ovglm_export.spool import Spool

__all__ = ["SOURCE_KINDS", "Weights", "list_sources"]

# The files that make up a source; Python files and other formats do not count.
SOURCE_KINDS = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model")


def list_sources(folder: Path) -> list[Path]:
    """List the files of a folder that make up a source."""
    files = {file for kind in SOURCE_KINDS for file in folder.glob(kind) if file.is_file()}
    return sorted(file for file in files if file.name != SOURCE_RECORD)


class Weights(Protocol):
    """The weights of one export. stay: they can still be read when all parts are made."""

    stay: bool

    def facts(self) -> list[object]:
        """Name what the spooled parts depend on, as JSON."""
        ...

    def sums(self) -> AbstractContextManager[Callable[[], dict[str, FileSum]]]:
        """Sum the source's files while the block runs; the given function waits for the sums."""
        ...

    def spool_parts(self, plan: Plan, spool: Spool, progress: Progress) -> None:
        """Make every part that the spool does not hold yet."""
        ...

    def join(self, plan: Plan, spool: Spool, path: Path) -> None:
        """Write the whole model as path (.xml) and its .bin."""
        ...
