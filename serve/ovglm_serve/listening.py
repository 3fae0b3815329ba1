"""The socket that the server listens on, and how its address is shown."""

import errno
import socket
import sys

from ovglm.errors import OvglmError

__all__ = ["open_socket", "show_address"]

_BACKLOG = 2048
_EVERYWHERE = ("0.0.0.0", "::")


def open_socket(host: str, port: int) -> socket.socket:
    """Listen; raise OvglmError in one sentence where that is not possible."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OvglmError(f"there is no address {host!r}", hint="--host 127.0.0.1") from error
    # a name may mean both; most clients try 127.0.0.1 only
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, _exclusive_option(), 1)
        made.bind(address)
        # already here: Linux lets two programs bind one address until one of them listens
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise _explain(error, host, port) from error
    return made


def show_address(sock: socket.socket) -> str:
    """Write the URL under which this machine reaches the socket."""
    host, port = sock.getsockname()[:2]
    if host in _EVERYWHERE:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _exclusive_option() -> int:
    """Name the option that restarts at once but never shares a port: it differs on Windows."""
    if sys.platform == "win32":
        return socket.SO_EXCLUSIVEADDRUSE
    return socket.SO_REUSEADDR


def _explain(error: OSError, host: str, port: int) -> OvglmError:
    if error.errno == errno.EADDRINUSE:
        return OvglmError(
            f"port {port} on {host} is in use by another program", hint=f"--port {port % 65535 + 1}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return OvglmError(f"{host} is no address of this machine", hint="--host 127.0.0.1")
    return OvglmError(
        f"port {port} on {host} cannot be used: {error.strerror or error}", hint="--port 8000"
    )
