"""Asking a hub again where it stumbles, and giving up with a sentence."""

import time
from collections.abc import Callable
from typing import TypeVar

from ovglm.errors import HubError
from ovglm.hub.door import Hiccup
from ovglm.hub.settings import Patience, show_host

__all__ = ["ask_patiently", "give_up"]

T = TypeVar("T")


def ask_patiently(address: str, patience: Patience, ask: Callable[[], T]) -> T:
    """Ask until there is an answer; a hub that cannot be reached at all is asked only once."""
    failures = 0
    while True:
        try:
            return ask()
        except Hiccup as hiccup:
            failures += 1
            if failures >= patience.attempts or not hiccup.is_reached:
                raise give_up(address, hiccup) from hiccup
            (patience.wait or time.sleep)(patience.pause_s(failures, hiccup.retry_after_s))


def give_up(address: str, hiccup: Hiccup) -> HubError:
    """Say that a hub does not answer."""
    if hiccup.is_reached:
        return HubError(
            f"{show_host(address)} does not answer properly: {hiccup.reason}",
            "try the same command later: it goes on from here",
        )
    return HubError(
        f"{show_host(address)} cannot be reached: {hiccup.reason}",
        "look at the connection, or name a mirror in HF_ENDPOINT; ovglm list shows what is here",
    )
