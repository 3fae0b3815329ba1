"""ModelScope's hub through its own client, modelscope_hub, which the extra `modelscope` brings.

Its login file is a pickle, which ovglm does not read: the token comes from MODELSCOPE_API_TOKEN.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ovglm.errors import HubError
from ovglm.hub.door import Answer, Hiccup, Listing, Mismatch
from ovglm.hub.huggingface_errors import client_reason, is_refusal, no_hub
from ovglm.hub.listing import as_hex, keep_safe
from ovglm.hub.names import is_commit
from ovglm.hub.remote import RemoteFile
from ovglm.hub.settings import show_host

__all__ = ["ModelScope"]

_BLOCK_BYTES = 256 << 10
_MAIN = "master"


class ModelScope:
    """The hub at one address."""

    def __init__(self, address: str) -> None:
        """Load the client; raises HubError where it is not installed."""
        try:
            from modelscope_hub import HubApi, HubConfig
        except ImportError as error:
            raise HubError(
                "ModelScope's client is not installed", 'pip install "ovglm[modelscope]"'
            ) from error

        class QuietConfig(HubConfig):
            """Keeps no number that tells one user from another, and reads no pickle."""

            def get_session_id(self) -> str:
                return "0" * 32

            def load_cookies(self) -> None:
                return None

        self.address = address
        token = os.environ.get("MODELSCOPE_API_TOKEN", "")
        self._client = HubApi(QuietConfig(endpoint=address, token=token)).legacy

    def page(self, repo: str) -> str:
        """Give the address of a model's page."""
        return f"{self.address}/models/{repo}"

    def list_files(self, repo: str, revision: str | None) -> Listing:
        """List the files of a branch, a tag or a commit.

        The API does not tell a branch's commit, but for each file the last one that changed it:
        the latest of these is taken.
        """
        with self._explaining(repo, revision):
            raw = self._client.list_repo_files(repo, "model", revision or _MAIN)
        try:
            entries = [one for one in raw if one.get("Type", "blob") == "blob"]
            files = keep_safe(_to_file(one) for one in entries)
            commit = revision if is_commit(revision) else _latest_commit(entries)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise no_hub(self.address) from error
        return Listing(repo, commit or "", files)

    @contextmanager
    def open(self, repo: str, revision: str, name: str, start: int, stop: int) -> Iterator[Answer]:
        """Ask for a range of a file."""
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        with self._explaining(repo, revision):
            response = self._client.download_stream(repo, "model", name, revision, headers)
            with response:
                yield Answer(
                    response.status_code,
                    response.headers.get("Content-Range"),
                    response.iter_content(_BLOCK_BYTES),
                )

    @contextmanager
    def _explaining(self, repo: str, revision: str | None) -> Iterator[None]:
        """Turn the client's errors into ours."""
        import requests
        from modelscope_hub import HubError as ClientError

        try:
            yield
        except requests.RequestException as error:
            raise Hiccup(client_reason(error), is_reached=not is_refusal(error)) from error
        except ClientError as error:
            raise self._explain(error, repo, revision) from error

    def _explain(
        self, error: Exception, repo: str, revision: str | None
    ) -> HubError | Hiccup | Mismatch:
        from modelscope_hub import NetworkError, RateLimitError, RequestTimeoutError, ServerError

        host, status = show_host(self.address), getattr(error, "status_code", None)
        if status == 416:
            return Mismatch("the file ends before that range")
        if isinstance(error, RateLimitError | ServerError):
            wait = getattr(error, "retry_after", None)
            return Hiccup(f"it answered {status}", retry_after_s=wait)
        if isinstance(error, RequestTimeoutError):
            return Hiccup("it fell silent")
        if isinstance(error, NetworkError):
            return Hiccup("no connection", is_reached=False)
        if status in (401, 403):
            return HubError(
                f"{host} does not let you have {repo}: it is private, or wants your agreement",
                f"agree on {self.page(repo)}, set MODELSCOPE_API_TOKEN, then the same command",
            )
        if status == 404:
            at = f" at revision {revision}" if revision else ""
            return HubError(
                f"{host} has no model {repo}{at}, or it is private",
                "look at the spelling; ovglm models shows the known names",
            )
        return HubError(f"{host} refuses {repo}: it answered {status}", f"read {self.page(repo)}")


def _latest_commit(entries: Sequence[Mapping[str, Any]]) -> str | None:
    dated = [
        (int(one.get("CommittedDate") or 0), one["Revision"])
        for one in entries
        if is_commit(one.get("Revision"))
    ]
    return max(dated)[1] if dated else None


def _to_file(entry: Mapping[str, Any]) -> RemoteFile:
    return RemoteFile(
        name=entry["Path"], size=int(entry["Size"]), sha256=as_hex(entry.get("Sha256"), 64)
    )
