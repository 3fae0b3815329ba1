"""What is on the disk of a remote checkpoint: fetched shards, and the rests of earlier ones."""

import gc
import json
import os
from dataclasses import replace
from pathlib import Path

from ovglm.hub import DownloadProgress, RemoteModel, fetch
from ovglm.manifest import file_sha256
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.shard import TensorInfo, read_header, tensor_bytes
from ovglm_export.spool import Spool
from ovglm_export.streaming.ranges import read_chunks

__all__ = ["REST", "Shelf", "is_weights", "shard_sizes"]

# What is kept of a shard, under the shard's own name.
REST = ".rest"
_RESTS = "rests"


class Shelf:
    """The tensors of a remote checkpoint that are on this disk.

    A fetched shard is kept until all of its tensors were used that can be used by now; those that
    wait for another shard are copied into a small file, and the shard goes.
    """

    def __init__(
        self, remote: RemoteModel, checkpoint: Checkpoint, spool: Spool, progress: DownloadProgress
    ) -> None:
        """Take up what an earlier run left; what it left unfinished or damaged is removed."""
        self._remote = remote
        self._checkpoint = checkpoint
        self._spool = spool
        self._progress = progress
        self._folder = checkpoint.folder
        self._files = {file.name: file for file in remote.files if is_weights(file.name)}
        self._shards = {name for name in self._files if self._is_fetched(name)}
        self._rests = self._find_rests()

    def here(self) -> set[str]:
        """List the tensors that are on the disk."""
        tensors = self._checkpoint.tensors
        whole = {name for name, info in tensors.items() if info.file.name in self._shards}
        return whole | {name for rest in self._rests.values() for name in rest}

    def view(self) -> Checkpoint:
        """Return the checkpoint with each tensor where it lies now."""
        kept = {name: info for rest in self._rests.values() for name, info in rest.items()}
        return replace(self._checkpoint, tensors={**self._checkpoint.tensors, **kept})

    def settled_bytes(self, needed: set[str]) -> int:
        """Count the bytes of the shards that need not be fetched any more."""
        tensors, missing = self._checkpoint.tensors, needed - self.here()
        wanted = {tensors[name].file.name for name in missing}
        return sum(file.size for name, file in self._files.items() if name not in wanted)

    def fetch(self, shard: str) -> None:
        """Bring a shard here. Raises HubError."""
        fetch(self._remote, self._files[shard], self._folder, self._progress)
        self._shards.add(shard)

    def put_away(self, needed: set[str]) -> None:
        """Delete every shard, and every rest of which nothing is needed any more."""
        gc.collect()  # a mapped file keeps its room, and on Windows its name
        for shard in sorted(self._shards):
            self._keep_rest(shard, needed)
            (self._folder / shard).unlink()
            self._shards.remove(shard)
        for shard in [name for name, rest in self._rests.items() if not rest.keys() & needed]:
            (self._folder / (shard + REST)).unlink()
            del self._rests[shard]

    def _is_fetched(self, shard: str) -> bool:
        """Tell whether a shard is here; it got its name only after its checksum was checked."""
        path = self._folder / shard
        return path.is_file() and path.stat().st_size == self._files[shard].size

    def _find_rests(self) -> dict[str, dict[str, TensorInfo]]:
        """Read the rests that are noted and undamaged, and remove all others."""
        noted = self._noted()
        found: dict[str, dict[str, TensorInfo]] = {}
        for path in sorted(self._folder.glob(f"*{REST}*")):
            shard = path.name.removesuffix(REST)
            if noted.get(shard) == file_sha256(path):
                found[shard] = read_header(path)
            else:
                path.unlink()
        return found

    def _keep_rest(self, shard: str, needed: set[str]) -> None:
        """Copy what is needed of a shard into a file of its own."""
        tensors = self._checkpoint.tensors
        kept = [name for name in sorted(needed) if tensors[name].file.name == shard]
        if self._rests.get(shard, {}).keys() >= set(kept):
            return
        path = self._folder / (shard + REST)
        partial = path.with_name(path.name + ".new")
        _copy_tensors({name: tensors[name] for name in kept}, partial)
        self._spool.note(_RESTS, {**self._noted(), shard: file_sha256(partial)})
        os.replace(partial, path)
        self._rests[shard] = read_header(path)

    def _noted(self) -> dict[str, str]:
        """Read the noted checksums of the rests."""
        noted = self._spool.noted(_RESTS)
        return noted if isinstance(noted, dict) else {}


def is_weights(name: str) -> bool:
    """Tell whether a file is a shard."""
    return name.endswith(".safetensors")


def shard_sizes(remote: RemoteModel) -> dict[str, int]:
    """Return the bytes of every shard by its name."""
    return {file.name: file.size for file in remote.files if is_weights(file.name)}


def _copy_tensors(tensors: dict[str, TensorInfo], path: Path) -> None:
    """Write tensors of one shard as a safetensors file of their own."""
    header: dict[str, object] = {}
    end = 0
    for name, info in tensors.items():
        start, end = end, end + tensor_bytes(info)
        span = [start, end]
        header[name] = {"dtype": info.dtype, "shape": info.shape, "data_offsets": span}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    with path.open("wb") as target:
        target.write(len(raw).to_bytes(8, "little") + raw)
        for info in tensors.values():
            with info.file.open("rb") as source:
                for chunk in read_chunks(source, info.offset, tensor_bytes(info)):
                    target.write(chunk)
        target.flush()
        os.fsync(target.fileno())  # the shard goes next
