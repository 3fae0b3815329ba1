"""What a model on a hub is: its files and the commit they belong to. Knows no network."""

from dataclasses import dataclass
from typing import Literal, get_args

from ovglm.models.entry import Hub

__all__ = ["HUBS", "Hub", "Kind", "RemoteFile", "RemoteModel"]

Kind = Literal["checkpoint", "ir"]
HUBS: tuple[Hub, ...] = get_args(Hub)


@dataclass(frozen=True)
class RemoteFile:
    """A file of a hub repository.

    name: flat and safe on every system, never a path. size: bytes.
    sha256: hex, of large (LFS) files and of every file of ModelScope; None for small files that
    live in git itself, which have the id of their git blob instead (blob_sha1: hex).
    """

    name: str
    size: int
    sha256: str | None
    blob_sha1: str | None = None


@dataclass(frozen=True)
class RemoteModel:
    """A model on a hub at one commit, with just the files that are needed here.

    revision: the commit. files: sorted by name. kind: safetensors to export, or finished
    OpenVINO IR. followed: the branch or tag that was asked for; the commit where that was.
    leaves_ir: there is OpenVINO IR beside the safetensors, which is not among the files.
    """

    source: Hub
    repo: str
    revision: str
    files: tuple[RemoteFile, ...]
    kind: Kind
    followed: str = "main"
    leaves_ir: bool = False

    @property
    def size_bytes(self) -> int:
        """Return the size of all needed files together."""
        return sum(file.size for file in self.files)

    @property
    def name(self) -> str:
        """Return the repository's own name, without the organisation."""
        return self.repo.rpartition("/")[2]
