"""What the server is told at its start. Knows no model and no HTTP."""

import ipaddress
import math
from dataclasses import dataclass, field
from pathlib import Path

from ovglm.errors import OvglmError

__all__ = ["Settings", "is_loopback"]


@dataclass(frozen=True)
class Settings:
    """The server's own settings; the defaults of `ovglm serve` are these.

    host, port: where to listen; port 0 takes a free one. api_key: what clients send as a bearer
    token; None asks for none, which beyond loopback needs `has_no_auth`.
    cors_origins: web pages of these origins may call the API; "*" means all.
    allowed_hosts: names that a Host header may have beside those of the machine itself.
    max_queue: requests to one model at a time, waiting and running; one more gets 429.
    request_timeout_s: from the first byte of a request to the last of its answer.
    drain_s: how long open requests may go on after SIGTERM.
    keep_alive_s: how long a model that nobody uses stays loaded; None for ever.
    image_root: the folder whose pictures a request may name; None reads no files.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = field(default=None, repr=False)
    has_no_auth: bool = False
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_queue: int = 256
    request_timeout_s: float = 600.0
    max_body_bytes: int = 16 << 20
    drain_s: float = 30.0
    keep_alive_s: float | None = None
    log_prompts: bool = False
    image_root: Path | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.port <= 65535, "--port", self.port, "from 0 to 65535")
        _require(self.max_queue >= 1, "--max-queue", self.max_queue, "at least 1")
        _require(self.max_body_bytes >= 1, "--max-body", self.max_body_bytes, "at least 1")
        _check_seconds("--request-timeout", self.request_timeout_s, least=0.001)
        _check_seconds("--drain", self.drain_s, least=0)
        if self.keep_alive_s is not None:
            _check_seconds("--keep-alive", self.keep_alive_s, least=0)
        for origin in self.cors_origins:
            _check_origin(origin)
        if self.image_root is not None and not self.image_root.is_dir():
            raise OvglmError(
                f"--image-root {self.image_root} is no folder",
                hint="name the folder of the pictures",
            )
        self._check_key()

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can connect."""
        return is_loopback(self.host)

    def _check_key(self) -> None:
        key = self.api_key
        if key is not None and not (key and key.isascii() and key.isprintable() and " " not in key):
            raise OvglmError(
                "the API key must be made of printable ASCII characters without spaces",
                hint='python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        if key and self.has_no_auth:
            raise OvglmError(
                "an API key (--api-key or OVGLM_API_KEY) and --no-auth contradict each other",
                hint="leave out one of them",
            )
        if key is None and not self.has_no_auth and not self.is_local:
            raise OvglmError(
                f"--host {self.host} lets other machines in, and there is no API key",
                hint="set OVGLM_API_KEY or --api-key; --no-auth if everybody may use it",
            )


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address is that of this machine for itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name, which may mean any address
        return False


def _check_origin(origin: str) -> None:
    scheme, _, rest = origin.partition("://")  # editors have their own schemes, such as app://
    if origin != "*" and not (scheme.isascii() and scheme and rest and "/" not in rest):
        raise OvglmError(
            f"--cors-origin {origin!r} is no origin of a web page",
            hint="--cors-origin https://chat.example.org",
        )


def _check_seconds(name: str, value: float, *, least: float) -> None:
    _require(math.isfinite(value) and value >= least, name, value, f"seconds, at least {least:g}")


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise OvglmError(f"{name} is {value}; it must be {allowed}")
