"""A terminal that remembers its lines: enough of one to see what a person would see."""

import io
import re

__all__ = ["MiniTerminal"]

PART = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class MiniTerminal(io.StringIO):
    """Understands new lines, carriage returns, cursor up and erasing a line; counts redraws.

    The cursor cannot go above the screen's first line: what has scrolled out stays as it is.
    """

    def __init__(self, height: int) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self.cursor_ups = 0
        self._height = height
        self._row = 0
        self._column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for numbers, letter, control, plain in PART.findall(text):
            if letter == "A":
                self.cursor_ups += 1
                top = max(0, len(self.lines) - self._height)
                self._row = max(top, self._row - int(numbers or 1))
            elif letter == "K":
                self.lines[self._row] = ""
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._break_line()
            else:
                self._put(plain)
        return len(text)

    def text(self) -> str:
        """Give all lines, those that have scrolled out too."""
        return "\n".join(line.rstrip() for line in self.lines).rstrip("\n")

    def _break_line(self) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self.lines):
            self.lines.append("")

    def _put(self, text: str) -> None:
        line = self.lines[self._row].ljust(self._column)
        end = self._column + len(text)
        self.lines[self._row] = line[: self._column] + text + line[end:]
        self._column = end
