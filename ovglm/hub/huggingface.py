"""Hugging Face's hub through its own library; works with huggingface_hub 0.36, 1 and 2.

hf_hub_download is not used: since 2.x it begins a file anew after a kill. The library gives the
addresses, the headers with the token, the HTTP client and the meaning of errors.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ovglm.hub.door import Answer, Listing, Mismatch
from ovglm.hub.huggingface_errors import explain, list_errors, no_hub
from ovglm.hub.listing import as_hex, keep_safe, made_from
from ovglm.hub.names import is_commit, is_hub_id
from ovglm.hub.remote import RemoteFile

__all__ = ["HuggingFace"]

_BLOCK_BYTES = 256 << 10


class HuggingFace:
    """The hub at one address; the token comes from HF_TOKEN or `hf auth login`."""

    def __init__(self, address: str, stall_s: float) -> None:
        """Load the library, with its reports about its use switched off."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import constants

        # Somebody may have imported it before; else each request tells of other packages.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        self.address = address
        self._stall_s = stall_s

    def page(self, repo: str) -> str:
        """Give the address of a model's page."""
        return f"{self.address}/{repo}"

    def list_files(self, repo: str, revision: str | None) -> Listing:
        """Resolve a revision to its commit and list the files there."""
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self.address)
        try:
            with self._explaining(repo, revision):
                info = api.model_info(
                    repo, revision=revision, files_metadata=True, timeout=self._stall_s
                )
            files = [_to_file(one) for one in info.siblings or ()]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise no_hub(self.address) from error  # no JSON, or not these fields
        if info.sha is None or not is_commit(info.sha) or not is_hub_id(info.id):
            raise no_hub(self.address)
        told = info.card_data.to_dict() if info.card_data else {}
        return Listing(info.id, info.sha, keep_safe(files), made_from(told))

    @contextmanager
    def open(self, repo: str, revision: str, name: str, start: int, stop: int) -> Iterator[Answer]:
        """Ask for a range of a file; the library leaves the token behind at a redirect."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        url = hf_hub_url(repo, name, revision=revision, endpoint=self.address)
        headers = {
            **build_hf_headers(),
            "Range": f"bytes={start}-{stop - 1}",
            "Accept-Encoding": "identity",
        }
        with self._explaining(repo, revision), self._stream(url, headers) as response:
            if response.status_code == 416:
                raise Mismatch(f"{name} ends before byte {start}")
            hf_raise_for_status(response)
            yield Answer(
                response.status_code, response.headers.get("Content-Range"), _blocks(response)
            )

    @contextmanager
    def _explaining(self, repo: str, revision: str | None) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except list_errors() as error:
            raise explain(error, self.address, repo, revision) from error

    @contextmanager
    def _stream(self, url: str, headers: dict[str, str]) -> Iterator[Any]:
        """Send a GET with the library's client, httpx's or (0.36) requests'."""
        from huggingface_hub.utils import get_session

        client: Any = get_session()
        if not isinstance(client.stream, bool):  # what requests calls so is a flag
            with client.stream("GET", url, headers=headers, timeout=self._stall_s) as response:
                yield response
        else:
            with client.get(url, headers=headers, timeout=self._stall_s, stream=True) as response:
                yield response


def _blocks(response: Any) -> Iterator[bytes]:
    if hasattr(response, "iter_raw"):
        return response.iter_raw(_BLOCK_BYTES)
    return response.iter_content(_BLOCK_BYTES)


def _to_file(sibling: Any) -> RemoteFile:
    """Read what the hub tells of a file; large ones have their SHA-256 in the LFS entry."""
    lfs = sibling.lfs
    return RemoteFile(
        name=sibling.rfilename,
        size=int(lfs.size if lfs else sibling.size),
        sha256=as_hex(lfs.sha256, 64) if lfs else None,
        blob_sha1=None if lfs else as_hex(sibling.blob_id, 40),
    )
