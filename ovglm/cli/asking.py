"""Asks a person before something is deleted."""

import sys

from ovglm.errors import OvglmError

__all__ = ["confirm"]


def confirm(question: str, unasked: str, hint: str) -> bool:
    """Ask a yes-or-no question on stderr; no is the default.

    Raises OvglmError where nobody is there to answer: `unasked` says what was not decided, `hint`
    which command needs no answer.
    """
    if not sys.stdin.isatty():
        raise OvglmError(f"nobody is here to say whether {unasked}", hint)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
