"""From what a person calls a model to one on this machine: looks here first, pulls where needed."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from ovglm import manifest
from ovglm.errors import FolderError, HubError
from ovglm.hub.display import show_download
from ovglm.hub.finding import find_remote
from ovglm.hub.names import is_hub_id, is_same_model, repo_of
from ovglm.hub.pulling import check_room, missing_bytes, pull_remote
from ovglm.hub.record import PulledModel, find_pulled, read_record, source_folder
from ovglm.hub.remote import Hub, RemoteModel
from ovglm.hub.settings import hub_address, is_offline, offline_variables, show_host
from ovglm.models import find_entry
from ovglm.recipe import Recipe
from ovglm.sizes import size_text
from ovglm.store import Model, find_model, list_exports

__all__ = ["get_model", "pull_aloud"]


def get_model(
    text: str,
    recipe: Recipe | None = None,
    *,
    before_pull: Callable[[], object] | None = None,
    offline: bool = False,
) -> Model:
    """Find what `text` means, and pull it where it is a hub's model that is not here.

    text: a name of the catalogue or the store, a folder, or `org/name`; a folder goes first, and
    that is said. recipe: an export of a hub's model in this format is as good as the model;
    None where the checkpoint itself is wanted.
    before_pull: is called before a hub is asked, to refuse what needs no download to be refused.
    offline: ask no hub. Raises OvglmError.
    """
    is_remote = is_hub_id(text) or _is_published(text)
    folder = Path(text).expanduser()
    if not is_remote or folder.exists():
        model = find_model(text)
        if is_remote and model.folder == folder.absolute():
            _say(f"taking the folder {folder}; the hub's model of that name: ovglm pull {text}")
        return model
    pulled = find_pulled(text)
    if recipe and (export := _find_export(text, recipe, pulled)):
        return export
    if pulled is None:
        if before_pull is not None:
            before_pull()
        pulled = pull_aloud(text, offline=offline)
    return Model(pulled.name, pulled.folder, is_exported=pulled.kind == "ir")


def pull_aloud(
    name_or_id: str,
    *,
    source: Hub = "huggingface",
    revision: str | None = None,
    offline: bool = False,
) -> PulledModel:
    """Pull a model, and tell on stderr what is fetched, how big it is, and how long it took.

    offline: ask no hub, as where the environment says so; what was pulled before is given.
    Raises HubError.
    """
    repo = repo_of(name_or_id, source)
    if offline or is_offline():
        return _find_here(name_or_id, repo, source, revision)
    _say(f"asking {show_host(hub_address(source))} for {repo}")
    remote = find_remote(name_or_id, source=source, revision=revision)
    if repo.lower() != remote.repo.lower():
        _say(f"{repo} is called {remote.repo} now")
    folder = source_folder(remote)
    if read_record(folder) is None:
        _fetch_aloud(remote, folder)
    pulled = read_record(folder)
    if pulled is None:
        raise FolderError(f"{folder} was removed while it was pulled", f"ovglm pull {name_or_id}")
    return pulled


def _find_here(name: str, repo: str, source: Hub, revision: str | None) -> PulledModel:
    pulled = find_pulled(repo, source=source, revision=revision)
    if pulled is None:
        at = f" at revision {revision}" if revision else ""
        variables = " and ".join(offline_variables())
        first = f"unset {variables}, then" if variables else "without --offline"
        raise HubError(
            f"{repo}{at} is not on this machine, and offline mode forbids to ask for it",
            f"{first}: ovglm pull {name}",
        )
    return pulled


def _fetch_aloud(remote: RemoteModel, folder: Path) -> None:
    check_room(remote)
    kind = "OpenVINO IR" if remote.kind == "ir" else "a checkpoint"
    if remote.leaves_ir:
        _say(
            f"{remote.repo} also holds OpenVINO IR: its safetensors are taken, to be exported here"
        )
    _say(
        f"{remote.repo} at {remote.revision[:12]}: {kind}, {len(remote.files)} files, "
        f"{size_text(remote.size_bytes)}\n{_what_to_fetch(remote)} into {folder}"
    )
    start = time.monotonic()
    try:
        with show_download(remote.size_bytes) as progress:
            pull_remote(remote, progress)
    except KeyboardInterrupt:
        _say("what was fetched is kept; the same command goes on")
        raise
    _say(f"fetched and checked in {time.monotonic() - start:.0f} s")


def _what_to_fetch(remote: RemoteModel) -> str:
    missing = missing_bytes(remote)
    if missing == remote.size_bytes:
        return f"fetching {size_text(missing)}"
    return f"fetching the remaining {size_text(missing)}"


def _find_export(text: str, recipe: Recipe, pulled: PulledModel | None) -> Model | None:
    """Find the latest export of a hub's model in the store; of the pulled commit, if any."""
    found: dict[float, Model] = {}
    for folder in list_exports():
        try:
            told = manifest.read_manifest(folder)
        except FolderError:
            continue  # unreadable; `ovglm list` shows it
        source = told.source
        if source.repo is None or not is_same_model(text, source.repo) or told.recipe != recipe:
            continue
        if pulled is None or source.revision == pulled.revision:
            made = (folder / manifest.FILE_NAME).stat().st_mtime
            found[made] = Model(told.model, folder, is_exported=True, recipe=recipe)
    return found[max(found)] if found else None


def _is_published(text: str) -> bool:
    entry = find_entry(text)
    return entry is not None and entry.repository is not None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
