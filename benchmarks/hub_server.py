"""Serve a checkpoint folder as a repository of the tests' small hub; prints the hub's address.

`python -m benchmarks.hub_server FOLDER REPO [SHAPE SHARD_BYTES]`; ends when its standard input
does. With a shape, the folder holds no weights: they are made up as they are asked for.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import numpy as np

from benchmarks.shapes import SHAPES, Shape, shard_headers, weight_values
from small_hub import Content, SmallHub

__all__ = ["FileContent", "MadeUpShard", "made_up_shards"]


class FileContent(Content):
    """A file's bytes, read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._path = path

    def read(self, start: int, count: int) -> bytes:
        """Give the bytes from `start`."""
        with self._path.open("rb", buffering=0) as file:
            file.seek(start)
            return file.read(count)


class MadeUpShard(Content):
    """A safetensors file that lies nowhere: a header, and values that repeat."""

    def __init__(self, header: bytes, values: Content) -> None:
        self.size = len(header) + values.size
        self._header = header
        self._values = values

    def read(self, start: int, count: int) -> bytes:
        """Give the bytes from `start`."""
        head = self._header[start : start + count]
        behind = max(0, start - len(self._header))
        return head + self._values.read(behind, count - len(head))


def made_up_shards(shape: Shape, shard_bytes: int) -> dict[str, MadeUpShard]:
    """Make the shards of a shape; their norms are as random as all other weights."""
    # One value less, and another beginning in each shard, so that no two tensors are equal.
    values = weight_values(np.random.default_rng(0))[:-1].view(np.uint16)
    return {
        name: MadeUpShard(header, Content(np.roll(values, 1_000_003 * at).tobytes(), size))
        for at, (name, (header, size)) in enumerate(shard_headers(shape, shard_bytes).items())
    }


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("repo")
    parser.add_argument("shape", nargs="?", choices=list(SHAPES))
    parser.add_argument("shard_bytes", nargs="?", type=int)
    asked = parser.parse_args()
    contents: dict[str, Content] = {path.name: FileContent(path) for path in asked.folder.iterdir()}
    if asked.shape:
        contents |= made_up_shards(SHAPES[asked.shape], asked.shard_bytes)
    with SmallHub() as hub:
        hub.add(asked.repo, contents)
        for content in contents.values():
            _ = content.sha256, content.blob_id  # made once, before anybody measures
        print(hub.address, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
