"""`ovglm chat` as a process: in a pipe, and on a real terminal where the system has one."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = "What is the capital of France?"


def _chat(model: Path, typed: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ovglm", "chat", str(model), *options],
        input=typed,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_in_a_pipe_every_line_is_answered_in_plain_text(nano: Path) -> None:
    done = _chat(nano, f"{QUESTION}\n{QUESTION}\n")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("Paris" in line for line in lines)
    assert "\x1b" not in done.stdout + done.stderr


def test_a_conversation_goes_on_in_the_next_chat(nano: Path, tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    done = _chat(nano, f"{QUESTION}\n/save {file}\n/exit\nnever asked\n")
    assert "saved as" in done.stdout and "never asked" not in done.stdout
    done = _chat(nano, f"/load {file}\n/retry\n/device\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Paris") == 2
    assert "CPU: " in done.stdout


def test_an_error_in_a_pipe_is_two_lines_and_exit_1(nano: Path) -> None:
    done = _chat(nano, "/nonsense\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "ovglm: there is no command /nonsense",
        "try: /help",
    ]


def test_a_full_context_is_refused_with_the_way_out(nano: Path) -> None:
    done = _chat(nano, f"{QUESTION}\n" * 9, "--context", "64")
    assert done.returncode == 1
    assert "try: /reset" in done.stderr


PROMPT = "\u203a"
ENDLESS = ("--presence-penalty", "-2", "--frequency-penalty", "-2", "--max-new-tokens", "2000")
# makes the terminal the process's own, so that Ctrl-C reaches it
START = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "ovglm", *sys.argv[1:]])
"""


class Terminal:
    """ovglm on a pseudo-terminal of 80 columns, as a person has it."""

    def __init__(self, *arguments: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._shown = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, text: str) -> str:
        """Give what was shown up to and with `text`; the rest is for the next time."""
        wanted = text.encode()
        while wanted not in self._shown:
            ready, _, _ = select.select([self._master], [], [], 60)
            assert ready, f"{text!r} did not come after {self._shown!r}"
            self._shown += os.read(self._master, 4096)
        before, _, self._shown = self._shown.partition(wanted)
        return before.decode(errors="replace") + text

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait(self) -> int:
        """Wait for the end; give the exit code."""
        return self._process.wait(timeout=60)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_ctrl_c_stops_the_answer_and_ctrl_d_leaves(nano: Path) -> None:
    with Terminal("chat", str(nano), *ENDLESS) as terminal:
        terminal.read_until("/help shows the commands")
        terminal.read_until(PROMPT)
        terminal.type("Count from 1 to 100.\r")
        terminal.read_until("1, 2, 3")
        terminal.type("\x03")
        terminal.read_until("stopped")
        terminal.read_until(PROMPT)
        terminal.type("/stats\r")
        assert "Traceback" not in terminal.read_until("answers")
        terminal.read_until(PROMPT)
        terminal.type("\x04")
        assert terminal.wait() == 0
