"""Small exported folders without a model: enough for what only reads the manifest."""

from pathlib import Path

from ovglm.manifest import FileSum, Manifest, Source, write_manifest
from ovglm.recipe import Recipe

__all__ = ["write_export"]


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
