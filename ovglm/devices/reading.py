"""Reads the facts of an exported folder from its small files; of the weights only the size."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from ovglm.devices.facts import ModelFacts
from ovglm.devices.shape import read_shape
from ovglm.errors import FolderError
from ovglm.manifest import FILE_NAME, Manifest, read_manifest
from ovglm.models import CATALOGUE
from ovglm.recipe import illegal_on
from ovglm.vision_facts import LANGUAGE_FILE, TEXT_EMBEDDINGS_FILE, VISION_EMBEDDINGS_FILE

__all__ = ["read_facts"]

_GRAPH = "openvino_model.xml"
_NEEDED = ("config.json", "tokenizer.json")
_OUTSIDE_LAYERS = ("embed_tokens", "lm_head")
_OF_THE_TOWER = "vision "


def read_facts(folder: Path) -> ModelFacts:
    """Read the facts of an exported folder: ours, or an OpenVINO one that another tool wrote.

    Raises FolderError for a folder that holds neither, or of which a file is missing.
    """
    is_ours = (folder / FILE_NAME).is_file()
    if not is_ours and (folder / LANGUAGE_FILE).is_file():
        raise FolderError(
            f"{folder} is a vision-language model that another tool exported; only our own exports "
            "say how pictures come into it",
            hint="ovglm export CHECKPOINT",
        )
    if not is_ours and not (folder / _GRAPH).is_file():
        raise FolderError(
            f"{folder} holds no exported model: neither {FILE_NAME} nor {_GRAPH} is there",
            hint="ovglm list",
        )
    if is_ours:
        return _read_own(folder, read_manifest(folder))
    _require(folder, _GRAPH)
    from ovglm.devices.foreign import read_foreign

    return read_foreign(folder)


def _require(folder: Path, *graphs: str) -> None:
    """Raise FolderError where a file is missing that every model needs."""
    for name in (*graphs, *map(_weights_of, graphs), *_NEEDED):
        if not (folder / name).is_file():
            raise FolderError(f"{folder / name} is missing", hint="export the model again")


def _weights_of(graph: str) -> str:
    return graph.replace(".xml", ".bin")


def _size(folder: Path, graphs: tuple[str, ...]) -> int:
    return sum((folder / _weights_of(graph)).stat().st_size for graph in graphs)


def _read_own(folder: Path, manifest: Manifest) -> ModelFacts:
    """Take the manifest's word; config.json adds the sizes."""
    text = (LANGUAGE_FILE, TEXT_EMBEDDINGS_FILE) if manifest.vision else (_GRAPH,)
    tower = (VISION_EMBEDDINGS_FILE,) if manifest.vision else ()
    _require(folder, *text, *tower)
    layers = [
        one
        for one in manifest.matrices
        if one.kind not in _OUTSIDE_LAYERS and not one.kind.startswith(_OF_THE_TOWER)
    ]
    told = {
        **asdict(read_shape(folder / "config.json")),
        "context_length": manifest.context_length,
    }
    return ModelFacts(
        name=manifest.model,
        folder=folder,
        weights_bytes=_size(folder, text),
        stop_ids=manifest.stop_ids,
        dialect=manifest.dialect,
        fingerprint=_fingerprint(folder, manifest, (*text, *tower)),
        recipe=manifest.recipe.name,
        illegal=manifest.devices,
        mend=_mend(manifest),
        golden=manifest.golden,
        formats=frozenset(one.format for one in layers),
        vision=manifest.vision,
        tower_bytes=_size(folder, tower),
        **told,
    )


def _fingerprint(folder: Path, manifest: Manifest, graphs: tuple[str, ...]) -> str:
    """Hash the checksums of the graphs and their weights."""
    try:
        names = [name for graph in graphs for name in (graph, _weights_of(graph))]
        sums = "".join(manifest.files[name].sha256 for name in names)
    except KeyError as error:
        raise FolderError(
            f"{folder / FILE_NAME} has no checksum of {error.args[0]}", "export the model again"
        ) from error
    return hashlib.sha256(sums.encode()).hexdigest()


def _mend(manifest: Manifest) -> str:
    """Name the export that is legal on every device, also where a width forces another group.

    Where there is none because of the pictures, name a device that runs every export.
    """
    if manifest.vision and manifest.vision.illegal_on("NPU"):
        return "--device CPU"
    source = manifest.model if manifest.model in CATALOGUE else "CHECKPOINT"
    command = f"ovglm export {source} --device NPU"
    is_forced = manifest.devices.get("NPU") and not illegal_on("NPU", manifest.recipe)
    return f"{command} --group-size -1" if is_forced else command
