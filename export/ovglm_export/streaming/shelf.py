"""What is on the disk of a remote checkpoint: runs that wait for their part to be made."""

import gc
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ovglm.hub import RemoteModel, read_in_order
from ovglm_export.checkpoint import Checkpoint
from ovglm_export.shard import TensorInfo
from ovglm_export.spool import Spool
from ovglm_export.streaming.checksum import Checksum
from ovglm_export.streaming.notes import Notes, sum_start
from ovglm_export.streaming.parts import Part, needed_tensors
from ovglm_export.streaming.runs import Run
from ovglm_export.streaming.schedule import next_stop

__all__ = ["HELD", "Shelf", "WrongShardError", "is_weights", "shard_sizes"]

# The folder of the runs, beside the one of the small files.
HELD = "held"


class WrongShardError(Exception):
    """A shard came whole, and is not what the hub lists."""

    def __init__(self, shard: str) -> None:
        super().__init__(shard)
        self.shard = shard


class Shelf:
    """The shard under way, summed up from its first byte to its last, and the runs kept of all.

    Every run is a file FOLDER/START/SHARD until its part is made. What is noted is the sum so far,
    which says where the shard goes on, and the files with their own checksums. What came behind
    that place is not trusted after a kill: other bytes may come when it is fetched again.
    """

    def __init__(
        self,
        remote: RemoteModel,
        shards: dict[str, tuple[Run, ...]],
        spool: Spool,
        folder: Path,
        count: Callable[[int], object],
    ) -> None:
        """Take up what an earlier run left; what it left unfinished or damaged is removed.

        shards: their runs. count: hears of bytes that came, and of those that have to come again,
        which are negative.
        """
        self._remote = remote
        self._shards = shards
        self._spool = spool
        self._folder = folder
        self._count = count
        self._files = {file.name: file for file in remote.files if file.name in shards}
        notes = Notes.read(spool)
        self._checked = set(notes.checked & shards.keys())
        self.under_way = notes.shard if notes.shard in shards else None
        self._sum = Checksum(notes.state if self.under_way else None)
        self._held = self._find_held(notes)
        self._digests: dict[Run, tuple[int, str]] = {}

    def here(self) -> set[str]:
        """List the tensors that are on the disk."""
        whole = (run for run, size in self._held.items() if size == run.size)
        return {name for run in whole for name in run.tensors}

    def view(self, checkpoint: Checkpoint) -> Checkpoint:
        """Return the checkpoint with each tensor where it lies now."""
        moved: dict[str, TensorInfo] = {}
        for run in self._held:
            for name in run.tensors:
                info = checkpoint.tensors[name]
                moved[name] = replace(info, file=self._path(run), offset=info.offset - run.start)
        return replace(checkpoint, tensors={**checkpoint.tensors, **moved})

    def settled_bytes(self) -> int:
        """Count the bytes that came: of the shards that were checked and of the one under way."""
        return self._sum.size + sum(self._files[shard].size for shard in self._checked)

    def came_unnoted(self, part: Part) -> bool:
        """Tell whether a part is made of bytes that came behind the noted place."""
        return any(
            part.tensors & set(run.tensors)
            for shard in self._shards.keys() - self._checked
            for run in self._shards[shard]
            if shard != self.under_way or run.stop > self._sum.size
        )

    def lacks(self, needed: set[str]) -> bool:
        """Tell whether something that is needed got lost of what came of the shard under way."""
        at = self._sum.size
        return any(
            self._held.get(run, 0) < min(at, run.stop) - run.start
            for run in self._shards.get(self.under_way or "", ())
            if run.start < at and needed & set(run.tensors)
        )

    def begin(self, shard: str) -> None:
        """Turn to a shard, from its first byte; one that was checked comes a second time."""
        if shard in self._checked:
            self._checked.remove(shard)
            self._count(-self._files[shard].size)
        self.under_way, self._sum = shard, Checksum()

    def forget(self, shard: str) -> None:
        """Drop what came of a shard; it has to come anew."""
        gc.collect()  # what is mapped cannot go on Windows
        for run in [run for run in self._held if run.shard == shard]:
            del self._held[run]
            self._digests.pop(run, None)
            self._path(run).unlink()
        if shard == self.under_way:
            self._count(-self._sum.size)
            self.under_way, self._sum = None, Checksum()
        self.note()

    def fetch_on(self, left: Sequence[Part]) -> None:
        """Fetch the shard under way up to where a part can be made, or to its end.

        Raises HubError, and WrongShardError at the end of a shard that is not what the hub lists.
        """
        runs = self._shards[self.under_way or ""]
        self.note()
        missing = needed_tensors(left) - self.here()
        wanted = [run for run in runs if missing & set(run.tensors)]
        self._fetch(next_stop(runs, self._sum.size, left, self.here()), wanted)

    def check_rest(self) -> None:
        """Fetch the shard under way to its end, if one is, only to hold it against the hub's list.

        Raises what fetch_on raises.
        """
        if self.under_way:
            self._fetch(self._files[self.under_way].size, ())

    def put_away(self, needed: set[str]) -> None:
        """Delete every run of which nothing is needed any more."""
        gone = [run for run in self._held if not needed & set(run.tensors)]
        for run in gone:
            del self._held[run]
        self.note()  # first: what is noted and not there would have to come again
        gc.collect()  # a mapped file keeps its room, and on Windows its name
        for run in gone:
            self._path(run).unlink()

    def note(self) -> None:
        """Note where things stand, for a later run."""
        held = {_name(run): self._sum_of(run) for run in self._held}
        state = self._sum.state() if self.under_way else None
        Notes(frozenset(self._checked), self.under_way, state, held).write(self._spool)

    def _fetch(self, stop: int, wanted: Sequence[Run]) -> None:
        """Fetch the shard under way up to `stop`, keep what is wanted, and check it at its end."""
        shard = self.under_way or ""
        file, at = self._files[shard], self._sum.size
        with closing(read_in_order(self._remote, file, at, stop, self._count)) as pieces:
            for piece in pieces:
                self._take(piece, wanted)
        if self._sum.size < file.size:
            return
        if self._sum.hexdigest() != file.sha256:
            raise WrongShardError(shard)
        self._checked.add(shard)
        self.under_way, self._sum = None, Checksum()

    def _take(self, piece: memoryview, wanted: Sequence[Run]) -> None:
        """Write what is wanted of the next bytes, then count them as summed up."""
        at = self._sum.size
        for run in wanted:
            start, stop = max(run.start, at), min(run.stop, at + len(piece))
            if start >= stop:
                continue
            self._path(run).parent.mkdir(parents=True, exist_ok=True)
            with self._path(run).open("wb" if start == run.start else "r+b") as file:
                file.seek(start - run.start)
                file.write(piece[start - at : stop - at])
            self._held[run] = stop - run.start
        self._sum.update(piece)

    def _find_held(self, notes: Notes) -> dict[Run, int]:
        """Find what counts of the noted runs, if undamaged, and remove all other files."""
        runs = {_name(run): run for runs in self._shards.values() for run in runs}
        found: dict[Run, int] = {}
        for path in sorted(self._folder.glob("*/*")):
            name = f"{path.parent.name}/{path.name}"
            run, noted = runs.get(name), notes.held.get(name)
            size = self._trusted_bytes(run, noted[0]) if run and noted else 0
            if run and noted and size and sum_start(path, noted[0]) == noted:
                os.truncate(path, size)
                found[run] = size
            else:
                path.unlink()
        return found

    def _trusted_bytes(self, run: Run, noted: int) -> int:
        """Return how much of a run's noted bytes came before the place where its shard goes on."""
        if run.shard != self.under_way:
            return noted
        return min(noted, max(0, self._sum.size - run.start))

    def _sum_of(self, run: Run) -> tuple[int, str]:
        """Sum up the file of a run, once for each size."""
        size = self._held[run]
        known = self._digests.get(run)
        if known is None or known[0] != size:
            known = self._digests[run] = sum_start(self._path(run), size)
        return known

    def _path(self, run: Run) -> Path:
        return self._folder / _name(run)


def _name(run: Run) -> str:
    """Name a run's file; messages name the shard by it."""
    return f"{run.start}/{run.shard}"


def is_weights(name: str) -> bool:
    """Tell whether a file is a shard."""
    return name.endswith(".safetensors")


def shard_sizes(remote: RemoteModel) -> dict[str, int]:
    """Return the bytes of every shard by its name."""
    return {file.name: file.size for file in remote.files if is_weights(file.name)}
