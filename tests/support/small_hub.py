"""A model hub of our own on 127.0.0.1 that speaks Hugging Face's and ModelScope's APIs.

It can stumble on demand: a status, a cut or stalled connection, wrong bytes. It remembers every
request, and counts the bytes that it gave away. Large files come from a second address, to which
the first one redirects, as on the real hubs.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import ThreadingHTTPServer
from typing import Any

__all__ = ["Content", "Fault", "Request", "SmallHub", "SmallRepo", "pattern"]

# From this size on a file is stored as the real hubs store weights: with a SHA-256, elsewhere.
LARGE = 4096
PIECE_BYTES = 64 << 10


class Content:
    """A file's bytes: a block that repeats, so that a gigabyte costs no memory."""

    def __init__(self, block: bytes, size: int) -> None:
        self.size = size
        self._block = block

    def read(self, start: int, count: int) -> bytes:
        """Give the bytes from `start`."""
        count = min(count, self.size - start)
        if count <= 0:
            return b""
        at = start % len(self._block)
        if at + count <= len(self._block):
            return self._block[at : at + count]
        times = -(-(at + count) // len(self._block))
        return (self._block * times)[at : at + count]

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Give a range in pieces."""
        for at in range(start, stop, PIECE_BYTES):
            yield self.read(at, min(PIECE_BYTES, stop - at))

    @cached_property
    def sha256(self) -> str:
        """Sum all bytes."""
        digest = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()

    @cached_property
    def blob_id(self) -> str:
        """Give git's id of a blob with these bytes."""
        digest = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()


def pattern(size: int, seed: int = 0) -> Content:
    """Make a large file; its block fits no power of two, so shifted chunks differ."""
    block = hashlib.shake_256(seed.to_bytes(4, "little")).digest((1 << 20) + 7)
    return Content(block, size)


@dataclass
class SmallRepo:
    """A repository at one commit. gated: wants agreement. token: who may see it, if not all."""

    files: dict[str, Content]
    commit: str
    gated: bool = False
    token: str | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    moved_to: str | None = None
    is_disabled: bool = False
    lies: set[str] = field(default_factory=set)

    def is_large(self, name: str) -> bool:
        """Tell whether a file lies in the storage."""
        return self.files[name].size >= LARGE or name.endswith((".safetensors", ".bin"))


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong.

    status: this instead of the answer, with these headers. cut_after, stall_after: so many bytes
    of the body, then the connection ends or falls silent. is_wrong: other bytes. ignores_range:
    the whole file whatever was asked for. shift: the range that lies so many bytes further.
    is_short: the body ends after half of its bytes, though its headers promise no more. body: this
    instead of the answer, as HTML.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    is_wrong: bool = False
    ignores_range: bool = False
    shift: int = 0
    is_short: bool = False
    body: bytes | None = None


@dataclass(frozen=True)
class Request:
    """A request that came in; where: `hub` or `storage`."""

    where: str
    method: str
    path: str
    headers: Mapping[str, str]


class SmallHub:
    """Both servers and what they hold. Use it in a `with` block."""

    def __init__(self) -> None:
        self.repos: dict[str, SmallRepo] = {}
        self.requests: list[Request] = []
        self.served: Counter[str] = Counter()
        self.released = threading.Event()
        self.changed = threading.Condition()
        self._faults: list[tuple[str, Fault]] = []
        self._servers: list[ThreadingHTTPServer] = []

    def __enter__(self) -> "SmallHub":
        from small_hub_http import make_server

        self._servers = [make_server(self, where) for where in ("hub", "storage")]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def address(self) -> str:
        """Give what HF_ENDPOINT or MODELSCOPE_ENDPOINT is set to."""
        return self._address(0)

    @property
    def storage(self) -> str:
        """Give the address of the large files."""
        return self._address(1)

    def add(self, repo: str, files: Mapping[str, bytes | Content], **more: Any) -> SmallRepo:
        """Put a repository there, or its next commit, which depends on all files."""
        contents = {
            name: one if isinstance(one, Content) else Content(one, len(one))
            for name, one in files.items()
        }
        facts = repr([(name, one.size, one.read(0, 64)) for name, one in sorted(contents.items())])
        commit = hashlib.sha1((repo + facts).encode(), usedforsecurity=False).hexdigest()
        self.repos[repo] = SmallRepo(contents, commit, **more)
        return self.repos[repo]

    def fail(self, part: str, *faults: Fault) -> None:
        """Let the next requests whose path holds `part` go wrong, one fault each."""
        self._faults += [(part, fault) for fault in faults]

    def take_fault(self, path: str) -> Fault | None:
        """Take the next fault for a request."""
        with self.changed:
            for at, (part, fault) in enumerate(self._faults):
                if part in path:
                    del self._faults[at]
                    return fault
        return None

    def remember(self, request: Request) -> None:
        """Note a request."""
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()

    def count(self, name: str, size: int) -> None:
        """Note bytes that went out, of the file whose storage name this is."""
        with self.changed:
            self.served[name] += size
            self.changed.notify_all()

    def wait_until_served(self, size: int, timeout_s: float = 60) -> None:
        """Wait until so many bytes went out in all."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.served.total() >= size, timeout_s)

    def asked(self, part: str, where: str = "") -> list[Request]:
        """List the requests whose path holds `part`."""
        return [one for one in self.requests if part in one.path and where in ("", one.where)]

    def _address(self, which: int) -> str:
        host, port = self._servers[which].server_address[:2]
        return f"http://{host!s}:{port}"
