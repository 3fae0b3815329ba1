"""Refuses requests that name another host: a web page must not reach this server by a DNS trick.

DNS rebinding: a page of evil.example makes its own name point to 127.0.0.1, so the browser sends
its requests here and lets it read the answers. The Host header still says evil.example. An address
in numbers cannot be rebound.
"""

import ipaddress
import socket

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ovglm_serve.errors import ApiError, error_response
from ovglm_serve.settings import Settings, is_loopback

__all__ = ["HostMiddleware", "HostRule"]


class HostRule:
    """The names that this server answers to."""

    def __init__(self, settings: Settings) -> None:
        names = {"localhost", settings.host, *settings.allowed_hosts}
        if not settings.is_local:
            names |= {socket.gethostname(), f"{socket.gethostname()}.local"}
        self._names = {name.lower() for name in names}
        self._takes_all = "*" in self._names
        self._takes_addresses = not settings.is_local

    def accepts(self, header: str) -> bool:
        """Say whether a Host header, with or without a port, names this server."""
        name = _without_port(header.lower())
        if self._takes_all or name in self._names or is_loopback(name):
            return True
        return self._takes_addresses and _is_address(name)


class HostMiddleware:
    """Lets only requests to this server's own names pass."""

    def __init__(self, app: ASGIApp, rule: HostRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            if not self._rule.accepts(host):
                refusal = ApiError(
                    403,
                    f"this server does not answer to the Host {host!r} "
                    "(try: ovglm serve --allowed-host NAME)",
                    code="host_not_allowed",
                )
                await error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _without_port(host: str) -> str:
    """Take the port, and the brackets of an IPv6 address, from a Host header."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
