"""What is kept of a pull beside its files: where they came from. It is written last."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ovglm.hub.names import is_commit, is_hub_id, is_same_model, repo_folder_name
from ovglm.hub.remote import HUBS, Hub, Kind, RemoteModel
from ovglm.store import SOURCE_RECORD, sources_folder

__all__ = [
    "PulledModel",
    "find_pulled",
    "list_pulled",
    "read_record",
    "source_folder",
    "write_record",
]

_FORMAT_VERSION = 1


@dataclass(frozen=True)
class PulledModel:
    """A complete pull in the store.

    revision: the commit. followed: the branch or tag it was the newest commit of.
    pulled_at: seconds since 1970.
    """

    folder: Path
    source: Hub
    repo: str
    revision: str
    followed: str
    kind: Kind
    pulled_at: float

    @property
    def name(self) -> str:
        """Return the repository's own name, without the organisation."""
        return self.repo.rpartition("/")[2]


def source_folder(remote: RemoteModel) -> Path:
    """Give the folder of one model at one commit."""
    return sources_folder() / remote.source / repo_folder_name(remote.repo) / remote.revision


def write_record(folder: Path, remote: RemoteModel) -> None:
    """Say that all files of a model are in this folder."""
    told = {
        "format_version": _FORMAT_VERSION,
        "source": remote.source,
        "repo": remote.repo,
        "revision": remote.revision,
        "followed": remote.followed,
        "kind": remote.kind,
        "files": {file.name: [file.size, file.sha256] for file in remote.files},
    }
    path = folder / SOURCE_RECORD
    partial = path.with_name(SOURCE_RECORD + ".partial")
    partial.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8", newline="\n")
    partial.replace(path)


def read_record(folder: Path) -> PulledModel | None:
    """Read where a folder's files came from; None where it was not pulled, or not to the end."""
    path = folder / SOURCE_RECORD
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        pulled_at = path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not _is_sound(told):
        return None
    return PulledModel(
        folder,
        told["source"],
        told["repo"],
        told["revision"],
        told["followed"],
        told["kind"],
        pulled_at,
    )


def list_pulled() -> tuple[PulledModel, ...]:
    """List the complete pulls of the store, the latest first."""
    folders = (path.parent for path in sources_folder().glob(f"*/*/*/{SOURCE_RECORD}"))
    found = [record for folder in folders if (record := read_record(folder))]
    return tuple(sorted(found, key=lambda one: (-one.pulled_at, str(one.folder))))


def find_pulled(
    name_or_id: str, *, source: Hub | None = None, revision: str | None = None
) -> PulledModel | None:
    """Find the latest pull of a model, at a commit or of a branch where one is asked for."""
    return next(
        (
            one
            for one in list_pulled()
            if is_same_model(name_or_id, one.repo)
            and source in (None, one.source)
            and (revision is None or revision in (one.followed, one.revision))
        ),
        None,
    )


def _is_sound(told: Mapping[str, Any]) -> bool:
    return (
        told.get("format_version") == _FORMAT_VERSION
        and told.get("source") in HUBS
        and isinstance(told.get("repo"), str)
        and is_hub_id(told["repo"])
        and is_commit(told.get("revision"))
        and isinstance(told.get("followed"), str)
        and told.get("kind") in ("checkpoint", "ir")
    )
