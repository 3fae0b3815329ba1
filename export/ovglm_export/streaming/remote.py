"""A checkpoint on a hub, opened by its small files and its shards' headers, without a weight."""

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from ovglm.errors import CheckpointError, ExportError
from ovglm.hub import DownloadProgress, RemoteFile, RemoteModel, fetch, read_range
from ovglm_export.checkpoint import Checkpoint, open_checkpoint
from ovglm_export.shard import TensorInfo, parse_header, tensor_bytes
from ovglm_export.streaming.shelf import is_weights
from ovglm_export.weights import SOURCE_KINDS

__all__ = ["open_remote", "source_files"]

# Tied tensors are compared in pieces: most that differ do so in the first one.
_FIRST_BYTES, _PIECE_BYTES = 64 << 10, 16 << 20


def open_remote(remote: RemoteModel, folder: Path, progress: DownloadProgress) -> Checkpoint:
    """Fetch the small files into `folder` and open the checkpoint; its shards stay on the hub.

    folder: of this commit alone. What an earlier run fetched into it is not fetched again.
    Raises HubError, and CheckpointError for all that is wrong with a checkpoint but its values.
    """
    for file in source_files(remote):
        if not is_weights(file.name):
            fetch(remote, file, folder, progress)
    return open_checkpoint(folder, _RemoteShards(remote, folder))


def source_files(remote: RemoteModel) -> list[RemoteFile]:
    """List the files that make up the source, as of a folder."""
    return [file for file in remote.files if any(fnmatch(file.name, kind) for kind in SOURCE_KINDS)]


class _RemoteShards:
    """The shards as the hub lists them, read by ranges."""

    def __init__(self, remote: RemoteModel, folder: Path) -> None:
        self.place = remote.repo
        self._remote = remote
        self._folder = folder
        self._files: Mapping[str, RemoteFile] = {
            file.name: file for file in source_files(remote) if is_weights(file.name)
        }

    def names(self) -> list[str]:
        """List them in order of their names."""
        return sorted(self._files)

    def has(self, name: str) -> bool:
        """Tell whether the hub has such a file."""
        return name in self._files

    def header(self, name: str) -> dict[str, TensorInfo]:
        """Read a tensor table; a shard that could not be checked when it comes is refused."""
        file = self._files[name]
        if file.sha256 is None:
            raise ExportError(
                f"the hub gives no SHA-256 of {name}, so it cannot be streamed",
                "give the same command without --stream",
            )
        path = self._folder / name
        return parse_header(path, file.size, lambda start, length: self._read(name, start, length))

    def is_equal(self, one: TensorInfo, other: TensorInfo) -> bool:
        """Compare two tensors by ranges; equal ones are fetched to their end for it."""
        size, start, step = tensor_bytes(one), 0, _FIRST_BYTES
        while start < size:
            length = min(step, size - start)
            pieces = [
                self._read(info.file.name, info.offset + start, length) for info in (one, other)
            ]
            if pieces[0] != pieces[1]:
                return False
            start, step = start + length, _PIECE_BYTES
        return True

    def _read(self, name: str, start: int, length: int) -> bytes:
        """Read a range, all of it."""
        data = read_range(self._remote, self._files[name], start, length)
        wanted = max(0, min(length, self._files[name].size - start))
        if len(data) != wanted:
            raise CheckpointError(
                f"{self.place} gives {len(data)} of {wanted} bytes of {name}",
                "give the same command again",
            )
        return data
