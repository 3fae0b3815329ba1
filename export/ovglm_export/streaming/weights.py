"""The weights of an export that come from a hub shard by shard, and leave the disk as they came."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ovglm.hub import RemoteModel
from ovglm.manifest import FileSum, file_sha256
from ovglm.progress import Progress
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.native import join_model, part_names, spool_part
from ovglm_export.plan import Plan
from ovglm_export.spool import Spool
from ovglm_export.streaming.download import DownloadStage
from ovglm_export.streaming.moving import join_by_moving, moved_parts
from ovglm_export.streaming.remote import source_files
from ovglm_export.streaming.schedule import find_parts, needed_tensors, next_shard, ready_part
from ovglm_export.streaming.shelf import Shelf

__all__ = ["StreamedWeights"]


class StreamedWeights:
    """The weights of a remote checkpoint."""

    stay = False

    stay = False

    def __init__(
        self, remote: RemoteModel, checkpoint: Checkpoint, download: DownloadStage
    ) -> None:
        self._remote = remote
        self._checkpoint = checkpoint
        self._download = download

    def facts(self) -> list[object]:
        """Name each file with its size and checksum."""
        return [(name, one.size, one.sha256) for name, one in self._sums().items()]

    @contextmanager
    def sums(self) -> Iterator[Callable[[], dict[str, FileSum]]]:
        """Give the sums: the hub's own of the shards, which hold when a shard has come."""
        yield self._sums

    def spool_parts(self, plan: Plan, spool: Spool, progress: Progress) -> None:
        """Make the parts in the order in which their shards come; each shard comes once."""
        tensors = self._checkpoint.tensors
        parts = find_parts(self._checkpoint, plan)
        moved = moved_parts(spool)
        left = [one for one in parts if one.name not in moved and not spool.has(one.name)]
        shelf = Shelf(self._remote, self._checkpoint, spool, self._download)
        self._download.skip(shelf.settled_bytes(needed_tensors(left)))
        progress.stage("compress", len(parts))
        progress.advance(len(parts) - len(left))
        while left:
            while part := ready_part(left, shelf.here()):
                spool_part(shelf.view(), plan, spool, part.name)
                left.remove(part)
                progress.advance()
            shelf.put_away(needed_tensors(left))
            if left:
                shelf.fetch(next_shard(left, shelf.here(), tensors))
                progress.stage("compress", len(parts))
        shelf.put_away(set())

    def join(self, plan: Plan, spool: Spool, path: Path) -> None:
        """Join the parts; they leave the spool on the way."""
        names = part_names(self._checkpoint.architecture.layers)
        join_by_moving(lambda: join_model(self._checkpoint, spool, plan), names, spool, path)

    def _sums(self) -> dict[str, FileSum]:
        """Sum the small files, which are here; take the hub's word for the others."""
        folder = self._checkpoint.folder
        return {
            file.name: FileSum(file.size, file.sha256 or file_sha256(folder / file.name))
            for file in source_files(self._remote)
        }
