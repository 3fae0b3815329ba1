"""The export through optimum-intel: what it refuses, how a recipe maps, and a real one."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path

import openvino as ov
import pytest

from benchmarks.optimum_env import default_folder, program
from benchmarks.shapes import SHAPES, write_checkpoint
from ovglm.errors import CheckpointError, OvglmError, RecipeError
from ovglm.recipe import Recipe
from ovglm_export.optimum import quantization_options, write_model_with_optimum

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = {
    "optimum-intel": "2.2.0",
    "optimum": "2.3.0",
    "torch": "2.13.0",
    "transformers": "4.57.6",
}
CHILD = """
import json, sys
import nncf  # as the pipeline does: its log must not reach stdout later
from pathlib import Path
from ovglm.recipe import Recipe
from ovglm_export.optimum import write_model_with_optimum
source, output, recipes = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
for name, recipe in recipes.items():
    write_model_with_optimum(source, output / name, Recipe(**recipe))
"""


def pretend_installed(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    """Let the exporter find these packages and no others."""

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr("ovglm_export.optimum.metadata.version", version)


def tiny_checkpoint(folder: Path, **changes: object) -> Path:
    """Write the tiny checkpoint with some fields of its config changed."""
    write_checkpoint(SHAPES["tiny"], folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
    return folder


@pytest.mark.parametrize("missing", sorted(INSTALLED))
def test_missing_extra_is_one_sentence_with_the_pip_command(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {name: version for name, version in INSTALLED.items() if name != missing}
    pretend_installed(monkeypatch, others)
    source = tiny_checkpoint(tmp_path / "source")
    with pytest.raises(OvglmError) as caught:
        write_model_with_optimum(source, tmp_path / "out", Recipe())
    expected = f"The exporter 'optimum' needs {missing}, which is not installed"
    assert caught.value.message == expected
    assert caught.value.hint == 'pip install "ovglm[optimum]"'
    assert not (tmp_path / "out").exists()


def test_transformers_that_optimum_refuses_is_named_before_the_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch, INSTALLED | {"transformers": "5.5.4"})
    source = tiny_checkpoint(tmp_path / "source")
    with pytest.raises(OvglmError, match=r"4\.57, but 5\.5\.4 is installed"):
        write_model_with_optimum(source, tmp_path / "out", Recipe())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}}, "rope_parameters"),
        ({"tie_word_embeddings": True}, "would drop the checkpoint's lm_head"),
        ({"model_type": "llama"}, "'llama'"),
    ],
)
def test_checkpoint_that_optimum_would_misread_is_refused(
    changes: dict[str, object], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch, INSTALLED)
    source = tiny_checkpoint(tmp_path / "source", **changes)
    with pytest.raises(CheckpointError, match=sentence):
        write_model_with_optimum(source, tmp_path / "out", Recipe())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        (Recipe(weights="bf16"), None),
        (Recipe(weights="int8"), {"bits": 8, "sym": True}),
        (Recipe(weights="int8", symmetric=False), {"bits": 8, "sym": False}),
        (
            Recipe(group_size=64, symmetric=False, ratio=0.8),
            {
                "bits": 4,
                "sym": False,
                "group_size": 64,
                "group_size_fallback": "adjust",
                "ratio": 0.8,
                "backup_precision": "int8_asym",
            },
        ),
    ],
)
def test_recipe_maps_to_optimum_options(recipe: Recipe, options: dict[str, object] | None) -> None:
    assert quantization_options(recipe) == options


def test_head_in_int4_beside_an_int8_embedding_is_refused() -> None:
    with pytest.raises(RecipeError, match="lm_head"):
        quantization_options(Recipe(lm_head="int4"))


def test_group_size_that_optimum_would_change_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch, INSTALLED)
    source = tiny_checkpoint(tmp_path / "source")
    with pytest.raises(RecipeError, match="width 128 in INT4 as group size 48"):
        write_model_with_optimum(source, tmp_path / "out", Recipe(group_size=48))
    assert not (tmp_path / "out").exists()


def test_every_field_of_a_recipe_is_mapped_or_refused() -> None:
    mapped = {"weights", "group_size", "symmetric", "ratio", "backup", "lm_head"}
    calibrated = {"quality", "methods", "calibration", "samples", "sample_length"}
    assert {field.name for field in fields(Recipe)} == mapped | calibrated
    for recipe in (Recipe(quality="balanced"), Recipe(methods=("gptq",))):
        with pytest.raises(RecipeError, match="--quality fast only"):
            quantization_options(recipe)


def matrices(folder: Path) -> dict[str, int]:
    """Count the weight matrices of an exported model by the type they are stored in."""
    model = ov.Core().read_model(folder / "openvino_model.xml")
    stored = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    weights = [op for op in stored if op.get_friendly_name().endswith("weight")]
    matrix_types = [op.get_element_type().get_type_name() for op in weights if len(op.shape) > 1]
    return dict(Counter(matrix_types))


@pytest.mark.slow
def test_optimum_writes_the_model_in_an_environment_of_its_own(tmp_path: Path) -> None:
    source = tiny_checkpoint(tmp_path / "source")
    recipes = {
        "int4": Recipe(group_size=32),
        "int4-adjusted": Recipe(group_size=256),
        "int4-channel": Recipe(group_size=-1),
        "int4-mixed": Recipe(group_size=32, symmetric=False, ratio=0.5),
        "int8": Recipe(weights="int8"),
        "bf16": Recipe(weights="bf16"),
    }
    script = ROOT / "benchmarks" / "optimum_env.py"
    subprocess.run([sys.executable, script], check=True)
    plain = {name: asdict(recipe) for name, recipe in recipes.items()}
    python = program(default_folder(), "python")
    command = [python, "-c", CHILD, source, tmp_path / "out", json.dumps(plain)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    assert done.stdout == b""
    for name in recipes:
        files = sorted(path.name for path in (tmp_path / "out" / name).iterdir())
        assert files == ["openvino_model.bin", "openvino_model.xml"]
    assert {name: matrices(tmp_path / "out" / name) for name in recipes} == {
        "int4": {"i4": 12, "u8": 2},
        "int4-adjusted": {"i4": 12, "u8": 2},
        "int4-channel": {"i4": 12, "u8": 2},
        "int4-mixed": {"u4": 3, "u8": 11},
        "int8": {"i8": 14},
        "bf16": {"bf16": 14},
    }
