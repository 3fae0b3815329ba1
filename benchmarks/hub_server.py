"""Serve a checkpoint folder as a repository of the tests' small hub; prints the hub's address.

`python -m benchmarks.hub_server FOLDER REPO`; ends when its standard input does.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from small_hub import Content, SmallHub

__all__ = ["FileContent"]


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


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("repo")
    asked = parser.parse_args()
    contents = {path.name: FileContent(path) for path in asked.folder.iterdir()}
    with SmallHub() as hub:
        hub.add(asked.repo, contents)
        for content in contents.values():
            _ = content.sha256, content.blob_id  # made once, before anybody measures
        print(hub.address, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
