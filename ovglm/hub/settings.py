"""How the hubs are reached: addresses, offline or not, and how long to wait for an answer."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ovglm.errors import HubError
from ovglm.hub.remote import Hub

__all__ = [
    "CONNECTIONS",
    "Patience",
    "hub_address",
    "is_offline",
    "offline_variables",
    "show_host",
]

# At once, for one file.
CONNECTIONS = 4

_ADDRESSES: dict[Hub, str] = {
    "huggingface": "https://huggingface.co",
    "modelscope": "https://modelscope.cn",
}
_VARIABLES: dict[Hub, str] = {"huggingface": "HF_ENDPOINT", "modelscope": "MODELSCOPE_ENDPOINT"}
# The first two are huggingface_hub's own.
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "OVGLM_OFFLINE")
_HOST = re.compile(r"[\w.:-]+")
_TRUE = ("1", "ON", "YES", "TRUE")


@dataclass(frozen=True)
class Patience:
    """When to give up on a hub that stumbles.

    attempts: failures in a row, without a byte between them. stall_s: seconds of silence that
    count as a failure. wait: called with the seconds to wait before the next attempt; None waits
    on the clock.
    """

    attempts: int = 6
    longest_wait_s: float = 60.0
    stall_s: float = 15.0
    wait: Callable[[float], object] | None = None

    def pause_s(self, failures: int, asked_s: float | None) -> float:
        """Give the seconds to wait after this many failures: what the hub asks for, or 1, 2, 4…"""
        wanted = asked_s if asked_s is not None else 2.0 ** (failures - 1)
        return min(wanted, self.longest_wait_s)


def hub_address(hub: Hub, environ: Mapping[str, str] = os.environ) -> str:
    """Give a hub's address, or its mirror's from HF_ENDPOINT or MODELSCOPE_ENDPOINT.

    Raises HubError where the variable holds no address.
    """
    variable = _VARIABLES[hub]
    told = environ.get(variable, "").strip().rstrip("/")
    if not told:
        return _ADDRESSES[hub]
    address = told if "://" in told else f"https://{told}"
    if not _is_address(address):
        raise HubError(
            f"{variable} is {told!r}, which is no address",
            f"{variable}={_ADDRESSES[hub]}, or unset it",
        )
    return address


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(_HOST.fullmatch(parts.hostname or ""))
            and parts.port != 0
        )
    except ValueError:
        return False


def show_host(address: str) -> str:
    """Shorten an address to what people call it: huggingface.co."""
    return address.partition("://")[2].rstrip("/")


def is_offline(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the environment forbids to ask a hub."""
    return bool(offline_variables(environ))


def offline_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """List the variables that forbid to ask a hub."""
    return [name for name in _OFFLINE if environ.get(name, "").upper() in _TRUE]
