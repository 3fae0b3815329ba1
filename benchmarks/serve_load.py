"""Streaming clients of an OpenAI server, in a process of their own: a job per line in, results out.

Raw sockets and little parsing, as what the clients need is taken from the server's machine.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import msgspec

__all__ = ["LEFT", "EventLines", "Job", "Result", "run"]

# The end of an answer that its client did not wait for.
LEFT = "left"
_READ = 1 << 16


@dataclass(frozen=True)
class Job:
    """Requests to one path, `concurrency` at a time.

    leave_after: for each request after how many events the client vanishes, or None.
    """

    port: int
    path: str
    concurrency: int
    bodies: Sequence[dict[str, Any]]
    leave_after: Sequence[int | None] = ()


@dataclass
class Result:
    """What the clients saw: seconds to the end of all, seconds to each first event, ends counted.

    gaps: seconds between two events of one answer that both carry text.
    """

    total_s: float = 0.0
    firsts: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    text: str = ""
    finish_reason: str | None = None

    @property
    def has_text(self) -> bool:
        delta = self.delta or _Delta()
        return bool(self.text or delta.content or delta.reasoning_content)


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class EventLines:
    """The `data:` lines in a body of HTTP chunks, however the network cuts it."""

    def __init__(self) -> None:
        self._raw = b""
        self._text = b""
        self._size: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came; give the lines that are complete now, without their mark."""
        self._raw += data
        while self._cut():
            pass
        *lines, self._text = self._text.split(b"\n")
        return [one[6:].rstrip(b"\r") for one in lines if one.startswith(b"data: ")]

    def _cut(self) -> bool:
        """Move one chunk from the raw bytes to the text, if it is complete."""
        if self._size is None:
            size, found, rest = self._raw.partition(b"\r\n")
            if not found:
                return False
            self._size, self._raw = int(size.partition(b";")[0], 16), rest
        if len(self._raw) < self._size + 2:
            return False
        self._text += self._raw[: self._size]
        self._raw, self._size = self._raw[self._size + 2 :], None
        return True


async def run(job: Job) -> Result:
    """Send all requests; raise RuntimeError for an answer that is an error."""
    result, ends = Result(), Counter[str]()
    leave_after = job.leave_after or [None] * len(job.bodies)
    left = iter(list(zip(job.bodies, leave_after, strict=True)))

    async def work() -> None:
        for body, most in left:  # the iterator is shared, so each body is taken once
            ends[await _ask(job, body, most, result)] += 1

    start = perf_counter()
    await asyncio.gather(*(work() for _ in range(job.concurrency)))
    result.total_s = perf_counter() - start
    result.ends = dict(ends)
    return result


async def _ask(job: Job, body: dict[str, Any], most: int | None, result: Result) -> str:
    """Send one request and read its events; return how the answer ended."""
    content = json.dumps(body).encode()
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: 127.0.0.1:{job.port}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    start = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", job.port)
    try:
        writer.write(head.encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            raise RuntimeError((answer + await reader.read(_READ)).decode("utf-8", "replace"))
        return await _read(reader, start, most, result)
    finally:
        writer.transport.abort()


async def _read(
    reader: asyncio.StreamReader, start: float, most: int | None, result: Result
) -> str:
    lines, end, seen, last = EventLines(), "", 0, None
    while data := await reader.read(_READ):
        now = perf_counter()
        for line in lines.feed(data):
            if line == b"[DONE]":
                return end or "no reason"
            event = _decode(line)
            if event.error is not None:
                raise RuntimeError(line.decode("utf-8", "replace"))
            if seen == 0:
                result.firsts.append(now - start)
            seen += 1
            if any(one.has_text for one in event.choices):
                if last is not None:
                    result.gaps.append(now - last)
                last = now
            if seen == most:
                return LEFT
            end = next((one.finish_reason for one in event.choices if one.finish_reason), end)
    return "cut off"


def main() -> int:
    """Do jobs until there are no more."""
    for line in sys.stdin:
        try:
            told: dict[str, Any] = asdict(asyncio.run(run(Job(**json.loads(line)))))
        except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
