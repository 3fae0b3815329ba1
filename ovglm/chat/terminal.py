"""The chat's screen on a terminal: Markdown that grows, remarks in grey, errors in red."""

import re
from collections.abc import Generator

from rich.console import Console

from ovglm.chat.interrupt import Stoppable
from ovglm.chat.live_answer import LiveAnswer
from ovglm.engine.base import EngineInfo
from ovglm.errors import OvglmError

__all__ = ["TerminalScreen"]

# What a terminal would obey instead of showing it.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class TerminalScreen:
    """Draws on a terminal; an error is shown and the chat goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def welcome(self, info: EngineInfo) -> None:
        """Say how much fits into a conversation, how to show a picture, and how to get help."""
        more = "/help shows the commands, Ctrl-D leaves"
        if info.vision:
            more = "/image FILE adds a picture · /help tells more"
        self.note(f"{info.context:,} tokens of context · {more}")
        self._console.print()

    def answer(self, pieces: Generator[str, None, None]) -> None:
        """Draw the answer while it grows; Ctrl-C ends it."""
        stoppable = Stoppable(pieces)
        self._console.print()
        with LiveAnswer(self._console) as live:
            for piece in stoppable:
                live.push(CONTROLS.sub("", piece))
        if stoppable.was_stopped:
            self.note("stopped")
        self._console.print()

    def say(self, text: str) -> None:
        """Show a command's text."""
        self._console.print(CONTROLS.sub("", text) + "\n", markup=False, highlight=False)

    def note(self, text: str) -> None:
        """Show a remark in grey."""
        self._console.print(text, style="bright_black", markup=False, highlight=False)

    def fail(self, error: OvglmError) -> None:
        """Show an error's two lines and go on."""
        self._console.print(error.message, style="red", markup=False, highlight=False)
        if error.hint:
            self.note(f"try: {error.hint}")
        self._console.print()
