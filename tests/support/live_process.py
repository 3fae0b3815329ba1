"""A second process that runs a few lines and then waits, until it is told to end or is killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["live_process"]


@contextmanager
def live_process(code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `code` in another process; the block begins when it has run, and ends that process.

    code: lines that may end with an open `with` block, in which it waits.
    """
    indent = "    " if code.rstrip().endswith(":") else ""
    program = f"{code}\n{indent}print('ready', flush=True)\n{indent}input()\n"
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.kill()
        process.communicate()
