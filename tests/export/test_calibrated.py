"""INT4 that looks at text: nearer to the original, resumable, the same bytes in every run."""

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from killed_exports import KILLED, Export, Kill, contents
from outliers import mean_kl, write_outlier_checkpoint
from ovglm.errors import ExportError, OvglmError, RecipeError
from ovglm.manifest import read_manifest
from ovglm.recipe import Recipe
from ovglm_export.calibrated import front
from ovglm_export.calibrated.options import name_text
from ovglm_export.calibration import BUILTIN, load_calibration
from ovglm_export.native import part_names
from ovglm_export.pipeline import ExportOptions, export_checkpoint

TEXT: dict[str, Any] = {"samples": 6, "sample_length": 48}
BALANCED, BEST = Recipe(quality="balanced", **TEXT), Recipe(quality="best", **TEXT)
PLAIN = ExportOptions(verify="none")
PARTS = part_names(2)


@pytest.fixture(scope="module")
def outliers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with planted outlier channels and its float export."""
    folder = tmp_path_factory.mktemp("outliers")
    source = write_outlier_checkpoint(folder / "source")
    export_checkpoint(source, folder / "float", Recipe("bf16"), PLAIN)
    return folder


def distance(outliers: Path, recipe: Recipe) -> float:
    """Export and return the mean KL to the float export."""
    output = outliers / recipe.name
    if not output.exists():
        export_checkpoint(outliers / "source", output, recipe, PLAIN)
    return mean_kl(outliers / "float", output)


def test_plain_rounding_fails_at_outliers_and_awq_helps(outliers: Path) -> None:
    fast = distance(outliers, Recipe(group_size=-1))
    assert fast > 0.08
    assert distance(outliers, Recipe(group_size=-1, methods=("awq",), **TEXT)) < 0.7 * fast


@pytest.mark.parametrize("group", [64, 128, -1])
def test_presets_are_nearer_than_plain_rounding(outliers: Path, group: int) -> None:
    fast = distance(outliers, Recipe(group_size=group))
    wishes: dict[str, Any] = {"group_size": group, "samples": 12, "sample_length": 128}
    balanced = distance(outliers, Recipe(quality="balanced", **wishes))
    best = distance(outliers, Recipe(quality="best", **wishes))
    assert balanced < 0.7 * fast
    assert best < 0.7 * fast


@pytest.mark.parametrize(
    "methods", [("gptq",), ("scale_estimation",), ("awq", "scale_estimation", "gptq")]
)
def test_nncf_methods_are_nearer_than_plain_rounding(outliers: Path, methods: Any) -> None:
    fast = distance(outliers, Recipe(group_size=-1))
    assert distance(outliers, Recipe(group_size=-1, methods=methods, **TEXT)) < 0.9 * fast


def test_lora_correction_adds_adapters_and_is_not_for_the_npu(outliers: Path) -> None:
    recipe = Recipe(group_size=-1, methods=("lora_correction",), **TEXT)
    assert distance(outliers, recipe) < 0.9 * distance(outliers, Recipe(group_size=-1))
    devices = read_manifest(outliers / recipe.name).devices
    assert devices["CPU"] == "" and "LoRA" in devices["NPU"]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["glm", "glm4", "chatglm"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_every_layout_can_be_calibrated(
    tiny_models: Any, tmp_path: Path, layout: str, symmetric: bool
) -> None:
    source = tiny_models.checkpoint(layout, tie_word_embeddings=layout == "glm4")
    sizes = {"group_size": 64, "symmetric": symmetric}
    for quality in ("fast", "balanced", "best"):
        text: Any = {} if quality == "fast" else {"samples": 48, "sample_length": 64}
        recipe = Recipe(quality=quality, **sizes, **text)
        export_checkpoint(source, tmp_path / quality, recipe, PLAIN)
    original = tiny_models.export(layout, tie_word_embeddings=layout == "glm4")
    text = np.array(load_calibration(BUILTIN, original, 64, 64)[48:])
    fast, balanced, best = (
        mean_kl(original, tmp_path / one, text) for one in ("fast", "balanced", "best")
    )
    assert balanced < 0.7 * fast
    assert best < balanced
    manifest = read_manifest(tmp_path / "balanced")
    assert {one.kind: one.matrices for one in manifest.matrices}["qkv_proj"] == 2
    assert read_manifest(tmp_path / "fast").matrices == manifest.matrices


def head_numbers(folder: Path) -> np.ndarray:
    """Return the head's INT4 numbers, two in a byte."""
    model = ov.Core().read_model(folder / "openvino_model.xml")
    (head,) = (one for one in model.get_ops() if one.get_friendly_name() == "lm_head")
    node = head.input_value(1).get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    assert node.get_element_type() == ov.Type.i4
    return np.array(node.data)


@pytest.mark.parametrize("chosen", [{"quality": "balanced"}, {"methods": ("gptq",)}])
def test_the_head_is_calibrated_too(
    chosen: dict[str, Any], tiny_models: Any, tmp_path: Path
) -> None:
    recipes = {
        "fast": Recipe(lm_head="int4"),
        "fitted": Recipe(lm_head="int4", **chosen, **TEXT),
    }
    for name, recipe in recipes.items():
        export_checkpoint(tiny_models.checkpoint(), tmp_path / name, recipe, PLAIN)
    fast, fitted = (mean_kl(tiny_models.export(), tmp_path / name) for name in recipes)
    assert fitted < 0.8 * fast
    assert (head_numbers(tmp_path / "fitted") != head_numbers(tmp_path / "fast")).any()


def test_a_ratio_keeps_the_matrices_that_change_a_layer_most(
    tiny_models: Any, tmp_path: Path
) -> None:
    source = tiny_models.checkpoint(num_hidden_layers=3)
    recipe = Recipe(quality="balanced", ratio=0.6, **TEXT)
    export_checkpoint(source, tmp_path / "mixed", recipe, PLAIN)
    manifest = read_manifest(tmp_path / "mixed")
    layers = [one for one in manifest.matrices if one.kind not in ("embed_tokens", "lm_head")]
    four_bit = sum(one.weights for one in layers if one.format.startswith("int4"))
    assert 0.4 < four_bit / sum(one.weights for one in layers) < 0.6
    assert manifest.devices["NPU"]
    fast = tmp_path / "fast"
    export_checkpoint(source, fast, Recipe(ratio=0.6), PLAIN)
    original = tiny_models.export(num_hidden_layers=3)
    assert mean_kl(original, tmp_path / "mixed") < 0.8 * mean_kl(original, fast)


def test_the_manifest_tells_quality_and_text(tiny_models: Any, tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("The night train leaves at nine. " * 80, encoding="utf-8")
    recipe = Recipe(quality="balanced", calibration=name_text(text), **TEXT)
    options = ExportOptions(verify="none", calibration=text)
    export_checkpoint(tiny_models.checkpoint(), tmp_path / "out", recipe, options)
    found = read_manifest(tmp_path / "out").recipe
    assert found == recipe
    assert found.name == f"int4-g128-balanced-6x48-{name_text(text)}"
    assert found.calibration.startswith("mine-")
    assert str(tmp_path) not in (tmp_path / "out" / "ovglm.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("recipe", [BALANCED, BEST], ids=["balanced", "best"])
def test_equal_inputs_give_equal_bytes(tiny_models: Any, tmp_path: Path, recipe: Recipe) -> None:
    for name in ("one", "two"):
        export_checkpoint(tiny_models.checkpoint(), tmp_path / name, recipe, PLAIN)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one", "two"]


# Where each run in turn is killed, and the parts that it saved.
STEPS: list[tuple[Kill, list[str]]] = [
    (("ovglm_export.calibrated.layers:embed", "before", 1), ["embedding"]),
    (("ovglm_export.calibrated.layers:embed", "after", 1), []),
    (("ovglm_export.calibrated.front:Front.note", "before", 1), []),
    (("ovglm_export.calibrated.layers:solve_matrix", "after", 5), []),
    (("ovglm_export.spool:Spool.save", "before", 1), []),
    (("ovglm_export.spool:Spool.save", "after", 1), ["layer_000"]),
    (("ovglm_export.calibrated.front:Front.note", "before", 1), ["layer_000"]),
    (("ovglm_export.calibrated.front:Front.note", "after", 1), ["layer_000"]),
    (("ovglm_export.calibrated.layers:solve_matrix", "before", 6), []),
    (("ovglm_export.calibrated.front:Front.note", "after", 1), ["layer_001"]),
    (("ovglm_export.spool:Spool.save", "after", 1), ["head"]),
]


@pytest.mark.slow
def test_an_export_that_is_killed_everywhere_ends_with_the_same_bytes(
    tiny_models: Any, export: Export, tmp_path: Path
) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    for kill, parts in STEPS:
        assert (kill, *export(source, output, kill, recipe=BEST)) == (kill, KILLED, parts)
    assert export(source, output, recipe=BEST) == (0, [])
    assert export(source, tmp_path / "calm", recipe=BEST) == (0, PARTS)
    assert contents(output) == contents(tmp_path / "calm")


@pytest.mark.slow
def test_damaged_states_are_made_again(tiny_models: Any, export: Export, tmp_path: Path) -> None:
    source, output = tiny_models.checkpoint(), tmp_path / "output"
    kill = ("ovglm_export.calibrated.front:Front.note", "after", 2)
    assert export(source, output, kill, recipe=BALANCED)[0] == KILLED
    (states,) = (tmp_path / "output.partial" / "spool").glob("*.states")
    states.write_bytes(bytes(states.stat().st_size))
    code, parts = export(source, output, recipe=BALANCED)
    assert (code, parts) == (0, ["layer_000", "layer_001", "head"])
    export(source, tmp_path / "calm", recipe=BALANCED)
    assert contents(output) == contents(tmp_path / "calm")


def test_states_that_the_disk_cannot_hold_are_refused(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(quality="balanced", samples=4096, sample_length=512)
    free = shutil.disk_usage(tmp_path)._replace(free=1 << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(ExportError, match="hidden states need") as caught:
        export_checkpoint(tiny_models.checkpoint(), tmp_path / "out", recipe, PLAIN)
    assert "--samples" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_on_the_way_is_named(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(front.Front, "note", fail)
    with pytest.raises(ExportError, match="filled up"):
        export_checkpoint(tiny_models.checkpoint(), tmp_path / "out", BALANCED, PLAIN)


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "empty"), ("too short", "too little|tokens"), ('{"messages": 3}', "line 1")],
)
def test_a_text_that_cannot_serve_is_refused_and_nothing_is_written(
    tiny_models: Any, tmp_path: Path, content: str, said: str
) -> None:
    text = tmp_path / ("text.jsonl" if content.startswith("{") else "text.txt")
    text.write_text(content, encoding="utf-8")
    recipe = Recipe(quality="balanced", calibration=name_text(text), **TEXT)
    options = ExportOptions(verify="none", calibration=text)
    with pytest.raises(OvglmError, match=said):
        export_checkpoint(tiny_models.checkpoint(), tmp_path / "out", recipe, options)
    assert list(tmp_path.iterdir()) == [text]


def test_a_recipe_that_names_another_text_is_refused(tiny_models: Any, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("words " * 1000, encoding="utf-8")
    options = ExportOptions(verify="none", calibration=text)
    with pytest.raises(RecipeError, match="names the calibration text"):
        export_checkpoint(tiny_models.checkpoint(), tmp_path / "out", BALANCED, options)


def test_the_recipe_survives_json() -> None:
    recipe = Recipe(methods=("scale_estimation", "awq"), **TEXT)
    assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert recipe.methods == ("awq", "scale_estimation")
