"""A download as a stage of the export that it is part of: its bytes, their rate, the time left."""

import threading

from ovglm.progress import Progress

__all__ = ["DownloadStage"]


class DownloadStage:
    """Turns what a download tells of its files into one stage for all files."""

    def __init__(self, progress: Progress, total_bytes: int) -> None:
        self._progress = progress
        self._total = total_bytes
        self._lock = threading.Lock()

    def begin(self, name: str, size: int, present: int) -> None:
        """Count what is here of a file."""
        self.advance("", present)

    def advance(self, name: str, count: int) -> None:
        """Count bytes that came; called from several threads."""
        with self._lock:
            self._progress.stage("download", self._total, "bytes")
            self._progress.advance(count)

    def end(self, name: str) -> None:
        """Say nothing: the stage ends with the last file."""

    def count(self, count: int) -> None:
        """Count bytes of the shards; negative where they have to come again."""
        self.advance("", count)
