"""A running `ovglm serve` in a process of its own, for tests over a real socket."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from queue import SimpleQueue
from threading import Thread
from typing import Any

__all__ = ["PATIENCE_S", "Server", "send", "serving"]

PATIENCE_S = 120


class Server:
    """One running `ovglm serve`. Its output is read as it comes."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ovglm", "serve", *arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.lines: SimpleQueue[str | None] = SimpleQueue()
        self.errors: list[str] = []
        self._error_lines: SimpleQueue[str | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._read, args=(self.process.stdout, self.lines)),
            Thread(target=self._read, args=(self.process.stderr, self._error_lines)),
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_error_line(self, words: str) -> str:
        """Wait until stderr has a line with these words."""
        while (line := self._error_lines.get(timeout=PATIENCE_S)) is not None:
            self.errors.append(line)
            if re.search(words, line):
                return line
        raise AssertionError(f"{words!r} never came: {self.errors}")

    def wait_until_ready(self) -> str:
        """Wait for the ready line; remember the address."""
        line = self.lines.get(timeout=PATIENCE_S)
        if line is None:
            raise AssertionError(self.end()[1])
        return line

    def connect(self) -> HTTPConnection:
        """Connect to the port that was said on stderr at the start."""
        line = next((one for one in self.errors if "http://" in one), None)
        line = line or self.wait_for_error_line("http://")
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line
        return HTTPConnection("127.0.0.1", int(found[1]), timeout=PATIENCE_S)

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Make one request; give its status and its JSON."""
        with closing(self.connect()) as connection:
            reply = send(connection, path, body)
            return reply.status, json.loads(reply.read())

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Wait for the end; give the exit code and all of stderr."""
        code = self.process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        while not self._error_lines.empty():
            if (line := self._error_lines.get()) is not None:
                self.errors.append(line)
        return code, "\n".join(self.errors)

    def _read(self, stream: Any, lines: "SimpleQueue[str | None]") -> None:
        for line in stream:
            lines.put(line.rstrip("\n"))
        stream.close()
        lines.put(None)


def send(connection: HTTPConnection, path: str, body: Any = None) -> HTTPResponse:
    """Send a GET, or a POST where there is a body; give the reply, unread."""
    if body is None:
        connection.request("GET", path)
    else:
        headers = {"content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
    return connection.getresponse()


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run `ovglm serve` with these words and `--port 0`; kill it at the end."""
    server = Server(*arguments)
    try:
        yield server
    finally:
        server.process.kill()
        server.end()
