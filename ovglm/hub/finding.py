"""From a name to a model on a hub at one commit."""

import json
from collections.abc import Sequence
from typing import Any

from ovglm.errors import HubError
from ovglm.hub.door import Door, Listing, Mismatch
from ovglm.hub.doors import open_door
from ovglm.hub.names import repo_of
from ovglm.hub.ranges import read_answer
from ovglm.hub.remote import Hub, RemoteFile, RemoteModel
from ovglm.hub.retrying import ask_patiently, other_bytes
from ovglm.hub.selecting import INDEX, check_config, choose_files, has_ir
from ovglm.hub.settings import Patience

__all__ = ["find_commit", "find_remote", "read_bytes"]

_LARGEST_JSON = 64 << 20
_MAIN: dict[Hub, str] = {"huggingface": "main", "modelscope": "master"}


def find_remote(
    name_or_id: str,
    *,
    source: Hub | None = None,
    revision: str | None = None,
    patience: Patience | None = None,
) -> RemoteModel:
    """Ask a hub for a model: the commit that `revision` means now, and the files that are needed.

    name_or_id: a short name of the catalogue, or `org/name`. source: huggingface unless told.
    revision: a branch, a tag or a commit; the main branch unless told.
    Raises HubError with one sentence and the next step: no such repository or revision, gated,
    private, empty, only pickles or GGUF, not a GLM, offline, no answer.
    """
    hub, patience = source or "huggingface", patience or Patience()
    repo = repo_of(name_or_id, hub)
    door = open_door(hub, patience, repo)
    listing = ask_patiently(door.address, patience, lambda: door.list_files(repo, revision))
    config = _read_json(door, patience, listing, "config.json")
    indexed = _read_index(door, patience, listing)
    choice = choose_files(listing, indexed)
    if config is None:
        raise HubError(f"{listing.repo} holds no config.json", "ovglm models")
    check_config(listing, config)
    followed = revision or _MAIN[hub]
    return RemoteModel(
        hub,
        listing.repo,
        listing.revision,
        choice.files,
        choice.kind,
        followed,
        leaves_ir=choice.kind == "checkpoint" and has_ir(listing),
    )


def find_commit(hub: Hub, repo: str, revision: str, patience: Patience | None = None) -> str:
    """Ask which commit a branch or tag means now. Raises HubError."""
    patience = patience or Patience()
    door = open_door(hub, patience, repo)
    return ask_patiently(door.address, patience, lambda: door.list_files(repo, revision).revision)


def read_bytes(
    door: Door, patience: Patience, remote: RemoteModel | Listing, file: RemoteFile,
    start: int, stop: int,
) -> bytes:  # fmt: skip
    """Read a part of a remote file into memory. Raises HubError."""

    def ask() -> bytes:
        with door.open(remote.repo, remote.revision, file.name, start, stop) as answer:
            return b"".join(read_answer(answer, start, stop, file.size))

    try:
        return ask_patiently(door.address, patience, ask)
    except Mismatch as error:
        raise other_bytes(door.address, file.name, remote.repo, f": {error}") from error


def _read_json(door: Door, patience: Patience, listing: Listing, name: str) -> Any:
    """Read a JSON file of a repository; None where it is not there."""
    file = next((one for one in listing.files if one.name == name), None)
    if file is None:
        return None
    text = b""
    if 0 < file.size <= _LARGEST_JSON:
        text = read_bytes(door, patience, listing, file, 0, file.size)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HubError(
            f"{name} of {listing.repo} is not readable JSON",
            "tell its owner, or choose another revision with --revision",
        ) from error


def _read_index(door: Door, patience: Patience, listing: Listing) -> Sequence[str] | None:
    """Read which shards the index names; None where there is none."""
    index = _read_json(door, patience, listing, INDEX)
    if index is None:
        return None
    table = index.get("weight_map") if isinstance(index, dict) else None
    names = table.values() if isinstance(table, dict) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise HubError(
            f"{INDEX} of {listing.repo} has no weight_map",
            "tell its owner, or choose another revision with --revision",
        )
    return sorted(set(names))
