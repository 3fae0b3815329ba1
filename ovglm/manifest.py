"""What an exported folder says of itself, `ovglm.json`; it is written last."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ovglm.errors import FolderError
from ovglm.recipe import Recipe
from ovglm.verification import Verification, read_verification
from ovglm.vision_facts import VisionFacts, read_vision_facts

__all__ = [
    "FILE_NAME",
    "FORMAT_VERSION",
    "FileSum",
    "Golden",
    "Manifest",
    "MatrixCount",
    "Source",
    "check_files",
    "file_sha256",
    "read_manifest",
    "write_manifest",
]

FILE_NAME = "ovglm.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class FileSum:
    """A file's size in bytes and its SHA-256 as hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class MatrixCount:
    """How many matrices of one kind are stored in one format, and their weights in all."""

    kind: str
    format: str
    matrices: int
    weights: int


@dataclass(frozen=True)
class Golden:
    """A fixed prompt as token ids, and the greedy tokens that the CPU gave for it."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """Where the weights came from: a name, and for hub models the repo and its revision.

    revision: a commit. hub: huggingface or modelscope. followed: the branch or tag, or the commit
    itself, that was asked for.
    """

    name: str
    files: dict[str, FileSum]
    repo: str | None = None
    revision: str | None = None
    hub: str | None = None
    followed: str | None = None


@dataclass(frozen=True)
class Manifest:
    """Everything that an exported folder says of itself."""

    model: str
    family: str
    dialect: str
    exporter: str
    context_length: int
    stop_ids: tuple[int, ...]
    source: Source
    recipe: Recipe
    devices: dict[str, str]
    matrices: tuple[MatrixCount, ...]
    notes: tuple[str, ...]
    golden: tuple[Golden, ...]
    files: dict[str, FileSum]
    versions: dict[str, str]
    verification: Verification | None = None
    vision: VisionFacts | None = None
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def size_bytes(self) -> int:
        """Return the size of all files together."""
        return sum(one.size for one in self.files.values())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hex."""
    digest, buffer = hashlib.sha256(), bytearray(1 << 20)
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            digest.update(memoryview(buffer)[:count])
    return digest.hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into an exported folder, in one step where there is one already."""
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    temporary = folder / f"{FILE_NAME}.new"
    temporary.write_text(text + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, folder / FILE_NAME)


def read_manifest(folder: Path) -> Manifest:
    """Read an exported folder's manifest.

    Raises FolderError where there is none, or where it is not one of this format.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise FolderError(
            f"{folder} holds no {FILE_NAME}: it is no finished export",
            f"ovglm export CHECKPOINT -o {folder}",
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw["format_version"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if version != FORMAT_VERSION:
        raise FolderError(
            f"{path} is of format version {version}; this ovglm reads {FORMAT_VERSION}",
            "export the model again, or update ovglm",
        )
    try:
        return _from_dict(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(path, error) from error


def check_files(folder: Path, manifest: Manifest) -> list[str]:
    """List the files that are absent or not as the manifest says."""
    problems = []
    for name, wanted in manifest.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != wanted.size:
            problems.append(f"{name} has {path.stat().st_size} bytes, not {wanted.size}")
        elif file_sha256(path) != wanted.sha256:
            problems.append(f"{name} has changed since the export")
    return problems


def _from_dict(raw: dict[str, Any]) -> Manifest:
    """Rebuild the dataclasses."""
    source = raw["source"]
    parts = {
        "source": Source(**{**source, "files": _file_sums(source["files"])}),
        "recipe": Recipe(**raw["recipe"]),
        "matrices": tuple(MatrixCount(**one) for one in raw["matrices"]),
        "golden": tuple(
            Golden(tuple(one["prompt"]), tuple(one["tokens"])) for one in raw["golden"]
        ),
        "files": _file_sums(raw["files"]),
        "stop_ids": tuple(raw["stop_ids"]),
        "notes": tuple(raw["notes"]),
        # Absent where an older ovglm wrote the manifest.
        "verification": read_verification(raw.get("verification")),
        "vision": read_vision_facts(raw.get("vision")),
    }
    names = [one.name for one in fields(Manifest)]
    return Manifest(**{name: parts[name] if name in parts else raw[name] for name in names})


def _file_sums(raw: dict[str, Any]) -> dict[str, FileSum]:
    """Rebuild a table of file sums."""
    return {name: FileSum(**one) for name, one in raw.items()}


def _unreadable(path: Path, error: Exception) -> FolderError:
    """Say that a manifest cannot be read."""
    return FolderError(f"{path} is not a readable manifest: {error!r}", "export the model again")
