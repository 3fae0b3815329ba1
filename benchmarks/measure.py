"""Run a command and measure its wall time and the peak memory of its whole process tree.

Anonymous memory is what the processes made themselves; resident memory also counts the pages of
mapped files. Both are summed over the tree, so a page that two processes share counts twice.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["GIB", "CommandFailed", "Measurement", "measure", "tree_memory"]

GIB = 2**30
_INTERVAL_S = 0.05
_TAIL = 4000


class CommandFailed(Exception):
    """The measured command ended with an error; the message holds the end of its output."""


@dataclass(frozen=True)
class Measurement:
    """Wall time in seconds and peaks in bytes over the process tree."""

    wall_s: float
    peak_anonymous: int
    peak_resident: int


def measure(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    interval_s: float = _INTERVAL_S,
    look: Callable[[int], None] | None = None,
) -> Measurement:
    """Run the command to its end, sampling memory; raise CommandFailed unless it ends with 0.

    look: called with the process id as often, for what else is to be sampled.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd
        )
        anonymous, resident = _watch(child, interval_s, look)
        wall_s = time.perf_counter() - start
        if child.returncode != 0:
            output.seek(max(0, output.tell() - _TAIL))
            tail = output.read().decode("utf-8", "replace")
            text = f"`{' '.join(command)}` ended with {child.returncode}\n{tail}"
            raise CommandFailed(text)
    return Measurement(wall_s, anonymous, resident)


def _watch(
    child: subprocess.Popen[bytes], interval_s: float, look: Callable[[int], None] | None
) -> tuple[int, int]:
    """Wait for the child; return its tree's peak anonymous and resident bytes.

    The process is ended when the caller is interrupted, so no orphan keeps the machine busy.
    """
    anonymous = resident = 0
    try:
        while child.poll() is None:
            now_anonymous, now_resident = tree_memory(child.pid)
            anonymous = max(anonymous, now_anonymous)
            resident = max(resident, now_resident)
            if look is not None:
                look(child.pid)
            try:
                child.wait(interval_s)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    return anonymous, resident


def tree_memory(pid: int) -> tuple[int, int]:
    """Return anonymous and resident bytes of a process and all below it, zeros if it has ended."""
    anonymous = resident = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0
    for process in tree:
        one = _process_memory(process)
        anonymous += one[0]
        resident += one[1]
    return anonymous, resident


def _process_memory(process: psutil.Process) -> tuple[int, int]:
    """Return anonymous and resident bytes of one process, (0, 0) if it has just ended."""
    if sys.platform == "linux":
        return _linux_memory(process.pid)
    try:
        info = process.memory_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0, 0
    # Windows knows private bytes; elsewhere resident is the nearest figure there is.
    return getattr(info, "private", info.rss), info.rss


def _linux_memory(pid: int) -> tuple[int, int]:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    kib = {"RssAnon": 0, "VmRSS": 0}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in kib:
            kib[name] = int(value.split()[0])
    return kib["RssAnon"] * 1024, kib["VmRSS"] * 1024


def main() -> int:
    """Measure the command that follows on the command line and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")
    command = parser.parse_args().command
    if command[:1] == ["--"]:
        command = command[1:]
    if not command:
        parser.error("give a command to measure")
    found = measure(command)
    print(
        f"wall {found.wall_s:.2f} s, peak anonymous {found.peak_anonymous / GIB:.2f} GiB, "
        f"peak resident {found.peak_resident / GIB:.2f} GiB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
