"""Facts of an OpenVINO folder that another tool wrote: from its configuration and its IR."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ovglm.devices.facts import ModelFacts
from ovglm.devices.foreign_ir import StoredMatrix, read_matrices
from ovglm.devices.shape import read_json, read_shape
from ovglm.dialects import dialect_for, guess_dialect
from ovglm.errors import FolderError
from ovglm.recipe import Recipe, illegal_on
from ovglm.template import find_template

__all__ = ["explain_npu_refusal", "read_foreign"]

_GRAPH, _WEIGHTS = "openvino_model.xml", "openvino_model.bin"
_END_BYTES = 65536


def read_foreign(folder: Path) -> ModelFacts:
    """Read the facts of a folder without a manifest.

    Raises OvglmError where it is no GLM, or where nothing names its stop ids.
    """
    config = read_json(folder / "config.json")
    shape = read_shape(folder / "config.json")
    matrices = [
        one
        for one in read_matrices(folder / _GRAPH)
        if not one.is_embedding and one.rows != shape.vocabulary
    ]
    formats = sorted({one.label for one in matrices})
    dialect = guess_dialect(find_template(folder), config)
    return ModelFacts(
        name=folder.resolve().name,
        folder=folder,
        weights_bytes=(folder / _WEIGHTS).stat().st_size,
        stop_ids=_stop_ids(folder, config, dialect),
        dialect=dialect,
        fingerprint=_fingerprint(folder),
        recipe=" + ".join(formats),
        illegal={"CPU": "", "GPU": "", "NPU": explain_npu_refusal(matrices)},
        mend="ovglm export CHECKPOINT --device NPU",
        is_foreign=True,
        formats=frozenset(formats),
        **asdict(shape),
    )


def explain_npu_refusal(matrices: Sequence[StoredMatrix]) -> str:
    """Say why the NPU cannot run layers with these matrices, or return an empty text."""
    four_bit = [one for one in matrices if one.format.kind == "int4"]
    others = sorted({one.label for one in matrices if one.format.kind != "int4"})
    if not four_bit:
        return f"the NPU wants INT4 weights, not {' and '.join(others) or 'none'}"
    weights = sum(one.weights for one in matrices)
    ratio = sum(one.weights for one in four_bit) / weights
    recipe = Recipe(symmetric=all(one.format.symmetric for one in four_bit), ratio=ratio)
    return illegal_on("NPU", recipe, {one.format.group_size for one in four_bit})


def _stop_ids(folder: Path, config: Any, dialect: str) -> tuple[int, ...]:
    """Collect the ids that end an answer: those of both configs, and those of GLM's chat turns."""
    ids: list[int] = []
    generation = folder / "generation_config.json"
    for source in (read_json(generation) if generation.is_file() else {}, config):
        told = source.get("eos_token_id")
        ids += [told] if isinstance(told, int) else told or []
    added = read_json(folder / "tokenizer.json").get("added_tokens") or []
    controls = {token["content"]: int(token["id"]) for token in added}
    ids += [controls[token] for token in dialect_for(dialect).stop_tokens if token in controls]
    if not ids:
        raise FolderError(
            f"neither {generation} nor config.json has eos_token_id, and tokenizer.json has no "
            "token that ends a turn, so an answer would never end",
            "copy the checkpoint's generation_config.json into that folder",
        )
    return tuple(dict.fromkeys(ids))


def _fingerprint(folder: Path) -> str:
    """Hash the sizes and the ends of the IR's files: cheap, whatever their size."""
    digest = hashlib.sha256()
    for name in (_GRAPH, _WEIGHTS):
        size = (folder / name).stat().st_size
        digest.update(f"{name}\0{size}\0".encode())
        with (folder / name).open("rb") as stream:
            stream.seek(max(0, size - _END_BYTES))
            digest.update(stream.read())
    return digest.hexdigest()
