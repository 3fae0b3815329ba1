"""Makes the parts as their bytes come; what turns out to be made of wrong bytes is made again."""

from collections.abc import Iterable
from contextlib import suppress

from ovglm.errors import CheckpointError
from ovglm.hub import RemoteModel
from ovglm.hub.retrying import other_bytes
from ovglm.hub.settings import hub_address
from ovglm.progress import Progress
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.native import spool_part
from ovglm_export.plan import Plan
from ovglm_export.spool import Spool
from ovglm_export.streaming.download import DownloadStage
from ovglm_export.streaming.moving import moved_parts
from ovglm_export.streaming.parts import Part, find_parts, needed_tensors
from ovglm_export.streaming.runs import find_runs
from ovglm_export.streaming.schedule import next_shard, ready_part
from ovglm_export.streaming.shelf import HELD, Shelf, WrongShardError, shard_sizes

__all__ = ["PartMaker"]


class PartMaker:
    """The parts of a streamed model: those that are made, and those that are left."""

    def __init__(
        self,
        remote: RemoteModel,
        checkpoint: Checkpoint,
        plan: Plan,
        spool: Spool,
        download: DownloadStage,
    ) -> None:
        """Take up what an earlier run left; what it cannot vouch for is made again."""
        self._remote, self._checkpoint = remote, checkpoint
        self._plan, self._spool = plan, spool
        self._download = download
        self._parts = find_parts(checkpoint, plan)
        runs = find_runs(self._parts, checkpoint.tensors, shard_sizes(remote))
        folder = checkpoint.folder.with_name(HELD)
        self._shelf = Shelf(remote, runs, spool, folder, download.count)
        self._moved = moved_parts(spool)
        self._made = {one.name for one in self._parts if spool.has(one.name)} | self._moved
        self._wrong: set[str] = set()
        self._drop(part for part in self._parts if self._shelf.came_unnoted(part))
        download.count(self._shelf.settled_bytes())
        if self._shelf.under_way and self._shelf.lacks(needed_tensors(self._left())):
            self._forget(self._shelf.under_way)

    def make_all(self, progress: Progress) -> None:
        """Fetch and make what is left, until every shard was checked.

        Raises HubError, also for a shard that is not what the hub lists, twice. Whatever ends it,
        the next call goes on.
        """
        progress.stage("compress", len(self._parts))
        progress.advance(len(self._made))
        try:
            while self._left() or self._shelf.under_way:
                if wrong := self._go_on(progress):
                    self._begin_again(wrong)
            self._shelf.put_away(set())
        except BaseException:
            with suppress(OSError):  # of a full disk, perhaps, which is said already
                self._shelf.note()
            raise

    def _go_on(self, progress: Progress) -> str | None:
        """Make what can be made and fetch on; return a shard that turned out to be wrong.

        It is returned, not raised on: an exception would keep the files mapped.
        """
        try:
            self._make_ready(progress)
            self._fetch_on()
        except WrongShardError as error:
            return error.shard
        return None

    def _make_ready(self, progress: Progress) -> None:
        """Make what can be made of what is here."""
        while part := ready_part(self._left(), self._shelf.here()):
            view = self._shelf.view(self._checkpoint)
            try:
                spool_part(view, self._plan, self._spool, part.name)
            except CheckpointError:
                self._shelf.check_rest()  # its own values, or bytes that came wrong?
                raise
            self._made.add(part.name)
            self._shelf.put_away(needed_tensors(self._left()))
            progress.stage("compress", len(self._parts))
            progress.advance()

    def _fetch_on(self) -> None:
        """Fetch up to the next part."""
        left = self._left()
        if not self._shelf.under_way:
            if not left:
                return
            self._shelf.begin(next_shard(left, self._shelf.here(), self._checkpoint.tensors))
        self._shelf.fetch_on(left)

    def _begin_again(self, shard: str) -> None:
        """Let a shard that came wrong come once more; raise HubError where it did so already."""
        self._forget(shard)
        if shard in self._wrong:
            address = hub_address(self._remote.source)
            raise other_bytes(address, shard, self._remote.repo, ", twice")
        self._wrong.add(shard)

    def _left(self) -> list[Part]:
        """List the parts that are not made yet."""
        return [part for part in self._parts if part.name not in self._made]

    def _forget(self, shard: str) -> None:
        """Drop a shard and whatever was made of it."""
        tensors = self._checkpoint.tensors
        self._drop(
            part
            for part in self._parts
            if any(tensors[name].file.name == shard for name in part.tensors)
        )
        self._shelf.forget(shard)

    def _drop(self, parts: Iterable[Part]) -> None:
        """Take parts for not made; those in the joined file were checked before they went there."""
        for part in parts:
            if part.name in self._made - self._moved:
                self._made.remove(part.name)
                self._spool.drop(part.name)
