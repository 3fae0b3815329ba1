"""Asking a hub again where it stumbles, and giving up with a sentence."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ovglm.errors import HubError
from ovglm.hub.door import Hiccup
from ovglm.hub.settings import Patience, show_host

__all__ = ["ask_patiently", "give_up", "go_on_asking", "other_bytes"]

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


def go_on_asking(
    address: str,
    patience: Patience,
    stop: threading.Event,
    ask: Callable[[], object],
    position: Callable[[], int],
) -> None:
    """Ask until `ask` comes to its end, each time from the position that was reached.

    Only failures without a byte between them are counted. stop: set from another thread, it ends
    the asking. Raises HubError.
    """
    failures = 0
    while not stop.is_set():
        before = position()
        try:
            ask()
            return
        except Hiccup as hiccup:
            failures = 1 if position() > before else failures + 1
            if failures >= patience.attempts:
                raise give_up(address, hiccup) from hiccup
            pause_s = patience.pause_s(failures, hiccup.retry_after_s)
            (patience.wait or stop.wait)(pause_s)


def give_up(address: str, hiccup: Hiccup) -> HubError:
    """Say that a hub does not answer."""
    if hiccup.is_reached:
        return HubError(
            f"{show_host(address)} does not answer properly: {hiccup.reason}",
            hiccup.hint or "try the same command later: it goes on from here",
        )
    return HubError(
        f"{show_host(address)} cannot be reached: {hiccup.reason}",
        "look at the connection, or name a mirror in HF_ENDPOINT; ovglm list shows what is here",
    )


def other_bytes(address: str, file: str, repo: str, why: str) -> HubError:
    """Say that a file's bytes are not those that the hub lists; why: how that was found."""
    return HubError(
        f"{show_host(address)} gives other bytes for {file} of {repo} than it lists{why}",
        "try the same command later, or without the mirror",
    )
