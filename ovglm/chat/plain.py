"""The chat in a pipe: a message per line in, plain text out, and an error ends it."""

from collections.abc import Generator
from typing import BinaryIO, TextIO

from ovglm.errors import OvglmError
from ovglm.utf8 import decode_utf8

__all__ = ["PlainReader", "PlainScreen"]


class PlainReader:
    """Reads one message per line; a backslash at the end of a line adds the next one."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._is_start = True

    def read(self) -> str:
        """Give the next message; raise EOFError at the end."""
        lines = [self._line()]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(self._line())
        return "\n".join(lines)

    def _line(self) -> str:
        raw = self._source.readline()
        if not raw:
            raise EOFError
        return decode_utf8(raw).rstrip("\r\n")


class PlainScreen:
    """Writes answers as they are; remarks go to the second stream."""

    def __init__(self, out: TextIO, remarks: TextIO) -> None:
        self._out = out
        self._remarks = remarks

    def answer(self, pieces: Generator[str, None, None]) -> None:
        """Write the pieces and end the line, after Ctrl-C too."""
        try:
            for piece in pieces:
                print(piece, end="", file=self._out, flush=True)
        finally:
            print(file=self._out, flush=True)

    def say(self, text: str) -> None:
        """Write a command's text."""
        print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Write a remark."""
        print(text, file=self._remarks, flush=True)

    def fail(self, error: OvglmError) -> None:
        """Raise the error: nobody is here to mend it."""
        raise error
