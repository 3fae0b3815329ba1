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
from ovglm.vision_facts import refuse_vision

__all__ = ["read_facts"]

_GRAPH, _WEIGHTS = "openvino_model.xml", "openvino_model.bin"
_NEEDED = (_GRAPH, _WEIGHTS, "config.json", "tokenizer.json")
_OUTSIDE_LAYERS = ("embed_tokens", "lm_head")


def read_facts(folder: Path) -> ModelFacts:
    """Read the facts of an exported folder: ours, or an OpenVINO one that another tool wrote.

    Raises FolderError for a folder that holds neither, or of which a file is missing.
    """
    refuse_vision(folder)
    is_ours = (folder / FILE_NAME).is_file()
    if not is_ours and not (folder / _GRAPH).is_file():
        raise FolderError(
            f"{folder} holds no exported model: neither {FILE_NAME} nor {_GRAPH} is there",
            hint="ovglm list",
        )
    for name in _NEEDED:
        if not (folder / name).is_file():
            raise FolderError(f"{folder / name} is missing", hint="export the model again")
    if is_ours:
        return _read_own(folder, read_manifest(folder))
    from ovglm.devices.foreign import read_foreign

    return read_foreign(folder)


def _read_own(folder: Path, manifest: Manifest) -> ModelFacts:
    """Take the manifest's word; config.json adds the sizes."""
    layers = [one for one in manifest.matrices if one.kind not in _OUTSIDE_LAYERS]
    told = {
        **asdict(read_shape(folder / "config.json")),
        "context_length": manifest.context_length,
    }
    return ModelFacts(
        name=manifest.model,
        folder=folder,
        weights_bytes=(folder / _WEIGHTS).stat().st_size,
        stop_ids=manifest.stop_ids,
        dialect=manifest.dialect,
        fingerprint=_fingerprint(folder, manifest),
        recipe=manifest.recipe.name,
        illegal=manifest.devices,
        mend=_mend(manifest),
        golden=manifest.golden,
        formats=frozenset(one.format for one in layers),
        **told,
    )


def _fingerprint(folder: Path, manifest: Manifest) -> str:
    """Hash the checksums of the graph and the weights."""
    try:
        sums = manifest.files[_GRAPH].sha256 + manifest.files[_WEIGHTS].sha256
    except KeyError as error:
        raise FolderError(
            f"{folder / FILE_NAME} has no checksum of {error.args[0]}", "export the model again"
        ) from error
    return hashlib.sha256(sums.encode()).hexdigest()


def _mend(manifest: Manifest) -> str:
    """Name the export that is legal on every device, also where a width forces another group."""
    source = manifest.model if manifest.model in CATALOGUE else "CHECKPOINT"
    command = f"ovglm export {source} --device NPU"
    is_forced = manifest.devices.get("NPU") and not illegal_on("NPU", manifest.recipe)
    return f"{command} --group-size -1" if is_forced else command
