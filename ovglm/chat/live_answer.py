"""One answer drawn on a terminal while it grows.

Finished blocks are printed once and for all, and only the last one is drawn again, so nothing
flickers and the scroll-back holds every line once. Of a block that is taller than the screen the
end is shown until it is finished.
"""

from collections.abc import Callable
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.live import Live

from ovglm.chat.markdown import GrowingMarkdown
from ovglm.chat.markdown_look import Block

__all__ = ["LiveAnswer"]

REDRAW_S = 1 / 15


class LiveAnswer:
    """A context: push pieces into it, and at its end the whole answer stands on the screen."""

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._markdown = GrowingMarkdown()
        self._is_first = True
        self._redraw_at = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "LiveAnswer":
        self._live.start()
        self._live.update("[dim]…[/]", refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.update("")
        self._live.stop()
        if self._markdown.rest.strip():
            self._print(self._markdown.rest)

    def push(self, text: str) -> None:
        """Show more of the answer."""
        for block in self._markdown.push(text):
            self._live.update("")
            self._print(block)
            self._redraw_at = 0.0
        if self._clock() >= self._redraw_at:
            self._live.update(self._draft(), refresh=True)
            self._redraw_at = self._clock() + REDRAW_S

    def _print(self, block: str) -> None:
        self._console.print(Block(block, space_before=not self._is_first), end="")
        self._is_first = False

    def _draft(self) -> Block:
        room = max(1, self._console.size.height - 2)
        return Block(self._markdown.rest, space_before=not self._is_first, most_lines=room)
