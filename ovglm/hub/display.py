"""What a person sees of a download: a bar per file under way, and one for all of it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ovglm.hub.watching import DownloadProgress, NoProgress
from ovglm.progress import is_notebook

if TYPE_CHECKING:
    import rich.progress

__all__ = ["show_download"]

_NAME_WIDTH = 26


@contextmanager
def show_download(total_bytes: int) -> Iterator[DownloadProgress]:
    """Draw bars while the block runs, on stderr or in the notebook's cell.

    total_bytes: of all files, those included that are here. Silent where nobody is looking.
    """
    in_notebook = is_notebook()
    if not in_notebook and not sys.stderr.isatty():
        yield NoProgress()
        return
    # rich is slow to import and most commands draw nothing
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn(f"{{task.description:<{_NAME_WIDTH}}}"),
        progress.BarColumn(bar_width=None),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    console = Console(stderr=True, force_jupyter=in_notebook)
    with progress.Progress(*columns, console=console, expand=True) as bars:
        yield _Bars(bars, total_bytes)
        if in_notebook:
            bars.refresh()  # on a terminal rich draws the end by itself


def shorten(name: str) -> str:
    """Cut the middle out of a long name, so that its number stays."""
    if len(name) <= _NAME_WIDTH:
        return name
    head = (_NAME_WIDTH - 1) // 2
    return f"{name[:head]}…{name[head + 1 - _NAME_WIDTH :]}"


class _Bars:
    def __init__(self, bars: "rich.progress.Progress", total_bytes: int) -> None:
        self._bars = bars
        self._lock = threading.Lock()
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._all = bars.add_task("all", total=total_bytes)

    def begin(self, name: str, size: int, present: int) -> None:
        with self._lock:
            if present < size:
                self._tasks[name] = self._bars.add_task(shorten(name), total=size)
                self._bars.update(self._tasks[name], completed=present)
            self._bars.update(self._all, completed=self._completed() + present)

    def advance(self, name: str, count: int) -> None:
        self._bars.advance(self._tasks[name], count)
        self._bars.advance(self._all, count)

    def end(self, name: str) -> None:
        """Take the file's bar away: only those under way are shown."""
        with self._lock:
            task = self._tasks.pop(name, None)
        if task is not None:
            self._bars.remove_task(task)

    def _completed(self) -> float:
        return next(task.completed for task in self._bars.tasks if task.id == self._all)
