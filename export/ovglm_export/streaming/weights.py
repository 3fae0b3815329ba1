"""The weights of an export that come from a hub in the order of their bytes, and do not stay."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ovglm.hub import RemoteModel
from ovglm.manifest import FileSum, file_sha256
from ovglm.progress import Progress
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.native import join_model, part_names
from ovglm_export.plan import Plan
from ovglm_export.spool import Spool
from ovglm_export.streaming.download import DownloadStage
from ovglm_export.streaming.making import PartMaker
from ovglm_export.streaming.moving import join_by_moving
from ovglm_export.streaming.remote import source_files

__all__ = ["StreamedWeights"]


class StreamedWeights:
    """The weights of a remote checkpoint."""

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
        """Give the sums: the hub's own of the shards, which each was held against."""
        yield self._sums

    def spool_parts(self, plan: Plan, spool: Spool, progress: Progress) -> None:
        """Make the parts in the order in which their bytes come; each shard comes once."""
        maker = PartMaker(self._remote, self._checkpoint, plan, spool, self._download)
        maker.make_all(progress)

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
