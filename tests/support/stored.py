"""Small exported folders without a model: enough for what only reads the manifest."""

from pathlib import Path

from ovglm.manifest import FileSum, Manifest, Source, write_manifest
from ovglm.recipe import Recipe
from ovglm.store import SOURCE_RECORD

__all__ = ["COMMIT", "write_export", "write_source"]

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_export(
    folder: Path, model: str = "glm", recipe: Recipe | None = None, context: int = 2048
) -> Path:
    """Write a folder of one 1000-byte file and its manifest; INT8 is not legal on the NPU."""
    recipe = recipe or Recipe()
    folder.mkdir(parents=True)
    (folder / "openvino_model.bin").write_bytes(b"w" * 1000)
    npu = "" if recipe.weights == "int4" else "the NPU wants INT4 weights"
    manifest = Manifest(
        model=model,
        family="glm",
        dialect="glm4",
        exporter="native",
        context_length=context,
        stop_ids=(1,),
        source=Source(model, {}),
        recipe=recipe,
        devices={"CPU": "", "GPU": "", "NPU": npu},
        matrices=(),
        notes=(),
        golden=(),
        files={"openvino_model.bin": FileSum(1000, "0" * 64)},
        versions={},
    )
    write_manifest(folder, manifest)
    return folder


def write_source(
    home: Path,
    repository: str = "zai-org--GLM-4-9B-0414",
    commit: str = COMMIT,
    weights: bytes = b"w" * 500,
    *,
    is_complete: bool = True,
) -> Path:
    """Write a folder as a pull leaves it, with weights that no model has."""
    folder = home / "sources" / "huggingface" / repository / commit
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    if is_complete:
        (folder / SOURCE_RECORD).write_text("{}")
    return folder
