"""What went wrong at Hugging Face, in one sentence and with the next step."""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ovglm.errors import HubError
from ovglm.hub.door import Hiccup
from ovglm.hub.settings import show_host

__all__ = ["client_reason", "explain", "is_refusal", "list_errors", "no_hub", "retry_after_s"]

_BUSY = (408, 429, 500, 502, 503, 504)
_CLIENTS = ("requests", "httpx", "httpx2")
_RESET = re.compile(r"\bt=(\d+)")


def list_errors() -> tuple[type[Exception], ...]:
    """List what the library raises for a request: its own errors and its HTTP client's."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # Its error derives from its client's; which client that is depends on the library's version.
    client = [one for one in HfHubHTTPError.__mro__ if one.__module__.split(".")[0] in _CLIENTS]
    return (*client[-1:], OfflineModeIsEnabled)


def no_hub(address: str) -> HubError:
    """Say that what answers there is no hub, but perhaps the login page of a network."""
    return HubError(
        f"{show_host(address)} does not answer as a model hub does",
        "look at HF_ENDPOINT, or whether this network wants a login first",
    )


def explain(error: Exception, address: str, repo: str, revision: str | None) -> HubError | Hiccup:
    """Turn an error of the library into one of ours."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return HubError(
            f"HF_HUB_OFFLINE forbids to ask {show_host(address)} for {repo}",
            f"unset HF_HUB_OFFLINE, then: ovglm pull {repo}",
        )
    if isinstance(error, HfHubHTTPError) and getattr(error, "response", None) is not None:
        return _explain_status(error, address, repo, revision)
    if isinstance(error, ValueError):
        return no_hub(address)  # requests' errors for no JSON are both
    return Hiccup(client_reason(error), is_reached=not is_refusal(error))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read how long the hub asks to wait: Retry-After, or the reset of its rate limit."""
    told = headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    if told:
        try:
            when = parsedate_to_datetime(told)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=timezone.utc)
        return max(0.0, (when - datetime.now(timezone.utc)).total_seconds())
    reset = _RESET.search(headers.get("RateLimit", ""))
    return float(reset[1]) if reset else None


def _explain_status(error: Any, address: str, repo: str, revision: str | None) -> HubError | Hiccup:
    from huggingface_hub.errors import (
        DisabledRepoError,
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status, page = error.response.status_code, f"{address}/{repo}"
    if isinstance(error, GatedRepoError):
        return _gated(repo, page)
    if isinstance(error, RevisionNotFoundError):
        return HubError(
            f"{repo} has no revision {revision!r}",
            f"ovglm pull {repo}, or choose one of {page}/commits/main",
        )
    if isinstance(error, DisabledRepoError):
        return HubError(f"{repo} was disabled by its owner or by the hub", f"read {page}")
    if isinstance(error, RepositoryNotFoundError) or (status == 401 and not _has_token()):
        return _missing(repo, address)
    if isinstance(error, EntryNotFoundError):
        return HubError(
            f"{repo} lists a file that {show_host(address)} does not have",
            f"ovglm pull {repo} --revision main, or try without the mirror",
        )
    if status in _BUSY:
        wait = retry_after_s(error.response.headers)
        return Hiccup(f"it answered {status}", retry_after_s=wait)
    if not str(error.response.url).startswith(address):
        # The storage's signed address has run out; the next attempt gets a new one.
        return Hiccup(f"the storage answered {status}")
    if status == 401:
        return HubError(
            f"{show_host(address)} refuses your token",
            "make a new one and set HF_TOKEN, or: hf auth login",
        )
    return HubError(f"{show_host(address)} refuses {repo}: it answered {status}", f"read {page}")


def _gated(repo: str, page: str) -> HubError:
    if _has_token():
        return HubError(
            f"{repo} is gated, and your token's account is not let in yet",
            f"ask for access on {page}, then: ovglm pull {repo}",
        )
    return HubError(
        f"{repo} is gated: its owner wants to know who takes it",
        f"agree on {page}, set HF_TOKEN to your token, then: ovglm pull {repo}",
    )


def _missing(repo: str, address: str) -> HubError:
    if _has_token():
        return HubError(
            f"{show_host(address)} has no model {repo}, or your token may not see it",
            "look at the spelling; ovglm models shows the known names",
        )
    return HubError(
        f"{show_host(address)} has no model {repo}, or it is private and HF_TOKEN is not set",
        "look at the spelling; ovglm models shows the known names",
    )


def _has_token() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None


def is_refusal(error: Exception) -> bool:
    """Tell whether no connection came about at all."""
    names = [one.__name__ for one in type(error).__mro__]
    return "ConnectError" in names or type(error).__name__ in ("ConnectionError", "ProxyError")


def client_reason(error: Exception) -> str:
    """Say in a few words what a client's error means; its own text is often several lines."""
    kind = type(error).__name__
    words = {
        "ReadTimeout": "it fell silent",
        "ConnectTimeout": "no connection in time",
        "RemoteProtocolError": "it cut the connection",
        "ChunkedEncodingError": "it cut the connection",
        "ReadError": "it cut the connection",
        "TooManyRedirects": "it redirects without end",
        "ConnectError": "no connection",
        "ConnectionError": "no connection",
        "ProxyError": "the proxy refuses",
        "SSLError": "its certificate is not trusted",
    }
    return words.get(kind, kind)
