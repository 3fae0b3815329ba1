"""What a stream notes in the spool's journal, to be taken up after a kill."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from ovglm_export.spool import Spool
from ovglm_export.streaming.ranges import read_chunks

__all__ = ["Notes", "sum_start"]

_NAME = "stream"


@dataclass(frozen=True)
class Notes:
    """How far a stream came.

    checked: the shards that came whole and were what the hub lists. shard: the one under way, if
    any, and the state of its checksum. held: the files of runs, the bytes that count of each, and
    their SHA-256.
    """

    checked: frozenset[str] = frozenset()
    shard: str | None = None
    state: str | None = None
    held: dict[str, tuple[int, str]] = field(default_factory=dict)

    @staticmethod
    def read(spool: Spool) -> "Notes":
        """Read the notes; there are none in a new spool."""
        told = spool.noted(_NAME)
        if not isinstance(told, dict):
            return Notes()
        held = {name: (size, sha256) for name, (size, sha256) in told["held"].items()}
        return Notes(frozenset(told["checked"]), told["shard"], told["state"], held)

    def write(self, spool: Spool) -> None:
        """Put them into the journal, unless they are there."""
        if self != Notes.read(spool):
            told = {"checked": sorted(self.checked), "shard": self.shard, "state": self.state}
            spool.note(_NAME, {**told, "held": self.held})


def sum_start(file: Path, size: int) -> tuple[int, str]:
    """Return how many of the first `size` bytes a file has, and their SHA-256."""
    digest, count = hashlib.sha256(), 0
    with file.open("rb") as stream:
        for chunk in read_chunks(stream, 0, size):
            digest.update(chunk)
            count += len(chunk)
    return count, digest.hexdigest()
