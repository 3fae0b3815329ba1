"""A bar per stage of slow work, only where a person is looking. Knows no stage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import rich.progress

__all__ = ["Progress", "Silence", "Unit", "is_notebook", "show_progress"]

Unit = Literal["steps", "bytes"]


class Progress(Protocol):
    """What slow work tells of itself."""

    def stage(self, name: str, total: int, unit: Unit = "steps") -> None:
        """Begin the next stage, of `total` steps, or go on with an earlier one of this name."""
        ...

    def advance(self, steps: int = 1) -> None:
        """Count finished steps of this stage."""
        ...


class Silence:
    """Progress that nobody sees."""

    def stage(self, name: str, total: int, unit: Unit = "steps") -> None:
        """Say nothing."""

    def advance(self, steps: int = 1) -> None:
        """Say nothing."""


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Draw bars with the time left while the block runs, on stderr or in the notebook's cell.

    Silent when stderr is neither a terminal nor a notebook.
    """
    in_notebook = is_notebook()
    if not in_notebook and not sys.stderr.isatty():
        yield Silence()
        return
    # rich is slow to import and most commands draw nothing
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description:<12}"),
        progress.BarColumn(bar_width=None),
        _done_column(),
        progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = Console(stderr=True, force_jupyter=in_notebook)
    with progress.Progress(*columns, console=console, expand=True) as bars:
        yield _Bars(bars)
        if in_notebook:
            bars.refresh()  # on a terminal rich draws the end by itself


def is_notebook() -> bool:
    """Tell whether this code runs in a Jupyter kernel that can draw widgets."""
    if "IPython" not in sys.modules or find_spec("ipywidgets") is None:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _done_column() -> rich.progress.ProgressColumn:
    """Make the column that says how much is done; of bytes also how fast they come."""
    from rich import progress
    from rich.text import Text

    class Done(progress.MofNCompleteColumn):
        """Steps, or bytes and their rate."""

        def render(self, task: progress.Task) -> Text:
            if task.fields["unit"] == "steps":
                return super().render(task)
            size = progress.DownloadColumn().render(task)
            return size + Text("  ") + progress.TransferSpeedColumn().render(task)

    return Done()


class _Bars:
    def __init__(self, bars: rich.progress.Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._task: rich.progress.TaskID | None = None

    def stage(self, name: str, total: int, unit: Unit = "steps") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, unit=unit)
        self._task = self._tasks[name]

    def advance(self, steps: int = 1) -> None:
        if self._task is not None:
            self._bars.advance(self._task, steps)
