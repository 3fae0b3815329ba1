"""Whether an exported folder still holds the files of its export. Foreign folders say nothing."""

from collections.abc import Callable
from pathlib import Path

from ovglm.engine.memory import Memory
from ovglm.errors import FolderError
from ovglm.manifest import FileSum, file_sha256, read_manifest
from ovglm.store import home_folder

__all__ = ["check_integrity"]

# A person may edit a chat template or default sampling; a changed graph or vocabulary is damage.
_FIXED = ("openvino_", "tokenizer.json")
_LARGE_BYTES = 1 << 30


def check_integrity(folder: Path, say: Callable[[str], None]) -> tuple[str, ...]:
    """Compare the files with the manifest; list those that changed and may.

    Checksums are taken once and again only where a file's time or size is another one.
    Raises FolderError where a file is gone, or where the IR or the vocabulary changed.
    """
    files = read_manifest(folder).files
    known = Memory(home_folder() / "verified.json")
    fresh: dict[str, list[int | str]] = {}
    notes = []
    for name, wanted in files.items():
        path = (folder / name).absolute()
        if not path.is_file():
            raise _damaged(folder, f"{name} is missing")
        stamp = [path.stat().st_mtime_ns, path.stat().st_size]
        if known.recall(str(path)) == [*stamp, wanted.sha256]:
            continue
        if not _is_equal(path, wanted, say):
            if name.startswith(_FIXED):
                raise _damaged(folder, f"{name} has changed since the export")
            notes.append(f"{name} has changed since the export")
        else:
            fresh[str(path)] = [*stamp, wanted.sha256]
    if fresh:
        known.remember(fresh)
    return tuple(notes)


def _is_equal(path: Path, wanted: FileSum, say: Callable[[str], None]) -> bool:
    if path.stat().st_size != wanted.size:
        return False
    if wanted.size >= _LARGE_BYTES:
        say(f"checking {path.name} ({wanted.size / 1e9:.1f} GB), once")
    return file_sha256(path) == wanted.sha256


def _damaged(folder: Path, what: str) -> FolderError:
    return FolderError(f"{folder}: {what}", "export the model again with --force")
