"""Write the model files with optimum-intel, for comparison, and nothing else of the folder.

Knows how a recipe maps to optimum-intel's options. A checkpoint's own Python files are never run.
"""

import contextlib
import importlib
import logging
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from ovglm.errors import CheckpointError, OvglmError, RecipeError
from ovglm.recipe import Recipe, matrix_group_size
from ovglm_export.architecture import Architecture
from ovglm_export.checkpoint import Checkpoint, open_checkpoint

__all__ = ["check_optimum", "quantization_options", "write_model_with_optimum"]

_INSTALL = 'pip install "ovglm[optimum]"'
_MODEL_TYPES = ("glm", "glm4")
_NATIVE = "the same command without --exporter optimum"
_FILES = ("openvino_model.xml", "openvino_model.bin")


def write_model_with_optimum(source: Path, output: Path, recipe: Recipe) -> None:
    """Write openvino_model.xml and openvino_model.bin into the folder `output`.

    Raises what check_optimum raises, before any slow work.
    """
    checkpoint = open_checkpoint(source)
    check_optimum(checkpoint, recipe)
    options = quantization_options(recipe)
    output.mkdir(parents=True, exist_ok=True)
    # The float model lies beside the output, so that it fills the disk the user chose.
    with tempfile.TemporaryDirectory(prefix=".optimum-", dir=output) as scratch:
        plain = Path(scratch, "plain")
        # NNCF draws its progress on stdout, which belongs to the command's own result.
        with contextlib.redirect_stdout(sys.stderr):
            _export(source, plain)
            made = plain if options is None else _compress(plain, Path(scratch, "small"), options)
        for name in _FILES:
            shutil.move(made / name, output / name)


def check_optimum(checkpoint: Checkpoint, recipe: Recipe) -> None:
    """Refuse what optimum-intel cannot do, or would silently do in another way; write nothing.

    Raises OvglmError for a missing extra, CheckpointError or RecipeError for the rest.
    """
    _require_extra()
    _check_checkpoint(checkpoint)
    _check_groups(checkpoint.architecture, recipe)
    quantization_options(recipe)


def quantization_options(recipe: Recipe) -> dict[str, object] | None:
    """Map a recipe to the arguments of OVWeightQuantizationConfig; None keeps the weights.

    Raises RecipeError for a head in INT4: optimum-intel has one switch for head and embedding.
    """
    if recipe.weights == "bf16":
        return None
    if recipe.weights == "int8":
        return {"bits": 8, "sym": recipe.symmetric}
    if recipe.is_calibrated:
        raise RecipeError(
            "the optimum exporter makes INT4 of --quality fast only, without calibration text",
            hint=_NATIVE,
        )
    if recipe.lm_head == "int4":
        raise RecipeError(
            "optimum-intel cannot make lm_head INT4 and keep the embedding INT8", hint=_NATIVE
        )
    return {
        "bits": 4,
        "sym": recipe.symmetric,
        "group_size": recipe.group_size,
        "group_size_fallback": "adjust",
        "ratio": recipe.ratio,
        "backup_precision": recipe.backup,
    }


def _require_extra() -> None:
    for name in ("optimum-intel", "optimum", "torch"):
        _version(name)
    version = _version("transformers")
    if int(version.split(".")[0]) >= 5:
        raise OvglmError(
            f"optimum-intel exports GLM with transformers 4.57, but {version} is installed",
            hint=_INSTALL,
        )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        raise OvglmError(
            f"The exporter 'optimum' needs {name}, which is not installed", hint=_INSTALL
        ) from None


def _check_checkpoint(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint that optimum-intel's transformers would not read as it is meant."""
    config = checkpoint.config
    if checkpoint.vision is not None:
        raise CheckpointError(
            "config.json has a vision_config, which optimum-intel would leave out without a word",
            hint=_NATIVE,
        )
    if config["model_type"] not in _MODEL_TYPES:
        raise CheckpointError(
            f"optimum-intel exports model type {config['model_type']!r} only by running the "
            "checkpoint's own Python code, which is never run",
            hint=_NATIVE,
        )
    if config.get("rope_parameters"):
        raise CheckpointError(
            "config.json holds rope_parameters, which transformers 4.57 would ignore", hint=_NATIVE
        )
    if config.get("tie_word_embeddings") and not checkpoint.architecture.tied:
        raise CheckpointError(
            "config.json ties the embeddings, so optimum-intel would drop the checkpoint's lm_head",
            hint=_NATIVE,
        )


def _check_groups(arch: Architecture, recipe: Recipe) -> None:
    """Refuse a group size for which NNCF's own adjustment gives another one than the recipe's."""
    size = recipe.group_size
    for width in (arch.hidden_size, arch.heads * arch.head_dim, arch.intermediate_size):
        if recipe.weights != "int4" or size == -1 or width % size == 0:
            continue
        # NNCF takes the largest power of two in the width, and INT8 where that is below 32.
        if matrix_group_size(width, size) != (width & -width):
            raise RecipeError(
                f"optimum-intel cannot keep a matrix of width {width} in INT4 as group size "
                f"{size} asks",
                hint=_NATIVE,
            )


def _export(source: Path, folder: Path) -> None:
    """Trace the model to IR with the checkpoint's own weight type."""
    exporters = importlib.import_module("optimum.exporters.openvino")
    intel = importlib.import_module("optimum.intel")
    # A config that names a type keeps optimum from choosing INT8 for more than 1e9 parameters.
    exporters.main_export(
        str(source),
        folder,
        task="text-generation-with-past",
        library_name="transformers",
        ov_config=intel.OVConfig(dtype="bf16"),
        trust_remote_code=False,
        local_files_only=True,
    )


def _compress(plain: Path, folder: Path, options: dict[str, object]) -> Path:
    intel = importlib.import_module("optimum.intel")
    # NNCF's log goes to the stdout of its import, which may lie before any redirection.
    importlib.import_module("nncf").set_log_level(logging.ERROR)
    model = intel.OVModelForCausalLM.from_pretrained(
        plain,
        compile=False,
        trust_remote_code=False,
        quantization_config=intel.OVWeightQuantizationConfig(**options),
    )
    model.save_pretrained(folder)
    return folder
