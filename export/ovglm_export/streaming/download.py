"""A download as a stage of the export that it is part of: megabytes fetched, and the time left."""

import threading

from ovglm.progress import Progress

__all__ = ["DownloadStage"]

_MEGABYTE = 10**6


class DownloadStage:
    """Turns what a download tells of its files into steps of 1 MB of one stage for all files."""

    def __init__(self, progress: Progress, total_bytes: int) -> None:
        self._progress = progress
        self._total = total_bytes // _MEGABYTE
        self._bytes = self._told = 0
        self._lock = threading.Lock()

    def begin(self, name: str, size: int, present: int) -> None:
        """Go on with this stage."""
        self.skip(present)

    def advance(self, name: str, count: int) -> None:
        """Count bytes that came; called from several threads."""
        with self._lock:
            self._bytes += count
            steps = self._bytes // _MEGABYTE - self._told
            if steps:
                self._told += steps
                self._progress.advance(steps)

    def end(self, name: str) -> None:
        """Say nothing: the stage ends with the last file."""

    def skip(self, count: int) -> None:
        """Go on with this stage, and count bytes that need not come any more."""
        self._progress.stage("download MB", self._total)
        self.advance("", count)
