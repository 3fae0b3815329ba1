"""What a MODEL argument means, and where exported models live. Reads no weights, runs no model."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ovglm import manifest
from ovglm.errors import FolderError, OvglmError
from ovglm.models import CATALOGUE, Entry, refuse_unknown
from ovglm.recipe import Recipe
from ovglm.sizes import held_bytes

__all__ = [
    "HOME_VARIABLE",
    "SOURCE_RECORD",
    "Model",
    "export_folder",
    "exports_folder",
    "find_model",
    "fingerprint_checkpoint",
    "folder_bytes",
    "home_folder",
    "list_exports",
    "sources_folder",
]

HOME_VARIABLE = "OVGLM_HOME"
FINGERPRINT_BYTES = 65536
# What an OpenVINO folder of any tool needs here.
FOREIGN = ("openvino_model.xml", "openvino_model.bin", "config.json", "tokenizer.json")
# What a pull writes last into its folder; it is ours, not the checkpoint's.
SOURCE_RECORD = "ovglm-source.json"
# How unfinished files and folders end.
PARTIAL = ".partial"
FINGERPRINTED = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model")


@dataclass(frozen=True)
class Model:
    """A model on this machine: a checkpoint, or a folder that was exported already.

    recipe: the one that was asked for, where this is the store's export in just that format.
    """

    name: str
    folder: Path
    is_exported: bool
    recipe: Recipe | None = None


def home_folder() -> Path:
    """Give the folder of ovglm's own data: OVGLM_HOME, or the usual place of the system."""
    if chosen := os.environ.get(HOME_VARIABLE):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("ovglm", appauthor=False)


def find_model(text: str) -> Model:
    """Find what `text` means: a name of the store, a folder, or a model that ships with ovglm.

    Asks no hub: that is what ovglm.hub.get_model does.
    """
    entry = CATALOGUE.get(text)
    if entry and entry.repository is None:
        from ovglm.nano import checkpoint_folder

        return Model(entry.name, checkpoint_folder(entry.name), is_exported=False)
    stored = {folder.name: folder for folder in list_exports()}
    if text in stored:
        return _look_into(stored[text])
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _look_into(folder.absolute())
    if folder.exists():
        raise OvglmError(
            f"{text} is a file, and a model is a folder",
            hint=f"ovglm run {folder.absolute().parent}",
        )
    if entry:
        raise _absent(entry)
    what = "neither a folder here nor a name of `ovglm models` or `ovglm list`"
    raise refuse_unknown(text, what, [*CATALOGUE, *stored], "ovglm run")


def export_folder(checkpoint: Model, recipe: Recipe) -> Path:
    """Name the folder of the store for one checkpoint and recipe.

    The name holds a fingerprint of the checkpoint, so a changed one gets a new folder.
    """
    name = (
        f"{_safe_name(checkpoint.name)}-{recipe.name}-{fingerprint_checkpoint(checkpoint.folder)}"
    )
    return exports_folder() / name


def exports_folder() -> Path:
    """Give the folder that holds the store's exports."""
    return home_folder() / "exports"


def sources_folder() -> Path:
    """Give the folder that holds what was pulled: HUB/ORG--NAME/COMMIT below it."""
    return home_folder() / "sources"


def list_exports() -> list[Path]:
    """List the complete folders of the store."""
    return sorted(file.parent for file in exports_folder().glob(f"*/{manifest.FILE_NAME}"))


def fingerprint_checkpoint(folder: Path) -> str:
    """Hash the names, sizes and last bytes of a checkpoint's files: cheap, whatever their size."""
    digest = hashlib.sha256()
    files = {file for pattern in FINGERPRINTED for file in folder.glob(pattern)}
    for file in sorted(file for file in files if file.name != SOURCE_RECORD):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as stream:
            stream.seek(max(0, size - FINGERPRINT_BYTES))
            digest.update(stream.read())
    return digest.hexdigest()[:8]


def folder_bytes(folder: Path) -> int:
    """Add up the sizes of all files below a folder; those that vanish meanwhile count nothing.

    An unfinished file counts with what of it is there.
    """
    size = 0
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    for file in files:  # os.walk also passes over folders that vanish
        try:
            if file.is_file():
                size += held_bytes(file) if file.suffix == PARTIAL else file.stat().st_size
        except OSError:
            continue  # deleted while we look
    return size


def _absent(entry: Entry) -> OvglmError:
    return OvglmError(
        f"the weights of {entry.name} are not on this machine; they are published as "
        f"{entry.repository}",
        hint=f"ovglm pull {entry.name}",
    )


def _look_into(folder: Path) -> Model:
    if (folder / manifest.FILE_NAME).is_file():
        return Model(folder.name, folder, is_exported=True)
    if folder.suffix == PARTIAL:
        raise FolderError(
            f"{folder} is an export that was not finished",
            hint=f"ovglm export CHECKPOINT -o {folder.with_suffix('')}",
        )
    if (folder / FOREIGN[0]).is_file():
        return _take_foreign(folder)
    if (folder / "config.json").is_file():
        return Model(folder.name, folder, is_exported=False)
    raise FolderError(
        f"{folder} holds no model: neither {manifest.FILE_NAME} nor config.json is there",
        hint="ovglm list",
    )


def _take_foreign(folder: Path) -> Model:
    """Accept an OpenVINO folder without a manifest: another tool made it, and it is whole."""
    absent = [name for name in FOREIGN if not (folder / name).is_file()]
    if absent:
        raise FolderError(
            f"{folder} is no whole export: {' and '.join((manifest.FILE_NAME, *absent))} "
            "are missing",
            hint=f"ovglm export CHECKPOINT -o {folder}",
        )
    return Model(folder.name, folder, is_exported=True)


def _safe_name(name: str) -> str:
    """Keep letters, digits and single dots, so that the name can only be one folder's."""
    kept = re.sub(r"[^\w.-]+", "-", name)
    return re.sub(r"\.{2,}", ".", kept).strip(".-") or "model"
