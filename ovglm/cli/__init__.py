"""The `ovglm` command: finds the named command, runs it, and turns errors into two lines."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from ovglm.cli.parser import parse
from ovglm.errors import OvglmError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give 0, 1 for an error the user can mend, 130 after Ctrl-C.

    Usage errors leave with 2, as argparse does. Any other exception is a bug and keeps its
    traceback.
    """
    _speak_utf8()
    try:
        command, options = parse(sys.argv[1:] if arguments is None else arguments)
        return command.run(options)
    except OvglmError as error:
        print(f"ovglm: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"try: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ovglm: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; nothing is left to flush to at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _speak_utf8() -> None:
    """Write UTF-8 also where a pipe on Windows would get the local code page."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")
