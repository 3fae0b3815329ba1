"""The plan gives each matrix the recipe's format, fitted to its width, and foresees the size."""

from dataclasses import replace
from typing import Any

import pytest

from ovglm.errors import RecipeError
from ovglm.manifest import read_manifest
from ovglm.recipe import MatrixFormat, Recipe
from ovglm_export.architecture import Architecture
from ovglm_export.plan import EMBEDDING, HEAD, Plan, layer_matrices, make_plan

ARCH = Architecture(
    family="glm", hidden_size=256, intermediate_size=512, layers=3, heads=4, kv_heads=2,
    head_dim=64, rotary_dim=32, vocab_size=1000, max_positions=512, rope_theta=10000.0,
    rms_eps=1e-5, qkv_bias=True, output_bias=False, tied=False, extra_norms=False,
)  # fmt: skip
NAMES = [name for layer in range(3) for name in layer_matrices(layer)]
INT4, INT8 = MatrixFormat("int4", True, 128), MatrixFormat("int8", False)


def share_of_int4(plan: Plan) -> float:
    """Give the share of the layers' weights that is INT4."""
    sizes = {name: plan.shapes[name][0] * plan.shapes[name][1] for name in NAMES}
    chosen = sum(sizes[name] for name in NAMES if plan.formats[name].kind == "int4")
    return chosen / sum(sizes.values())


def test_the_default_is_int4_between_an_int8_embedding_and_head() -> None:
    plan = make_plan(ARCH, Recipe())
    assert plan.formats == {**dict.fromkeys(NAMES, INT4), EMBEDDING: INT8, HEAD: INT8}
    assert plan.notes == ()
    assert plan.group_sizes == {128}


def test_a_tied_head_in_int4_is_refused() -> None:
    with pytest.raises(RecipeError, match="--lm-head int4 has no meaning here"):
        make_plan(replace(ARCH, tied=True), Recipe(lm_head="int4"))


@pytest.mark.parametrize(
    ("recipe", "layers", "embedding", "head"),
    [
        (Recipe("bf16"), MatrixFormat("float"), MatrixFormat("float"), MatrixFormat("float")),
        (Recipe("int8"), MatrixFormat("int8"), MatrixFormat("int8"), MatrixFormat("int8")),
        (Recipe("int8", symmetric=False), INT8, INT8, INT8),
        (Recipe(symmetric=False), replace(INT4, symmetric=False), INT8, INT8),
        (Recipe(group_size=64), replace(INT4, group_size=64), INT8, INT8),
        (Recipe(group_size=-1), replace(INT4, group_size=-1), INT8, INT8),
        (Recipe(lm_head="int4"), INT4, INT8, INT4),
    ],
)
def test_a_recipe_is_what_the_matrices_get(
    recipe: Recipe, layers: MatrixFormat, embedding: MatrixFormat, head: MatrixFormat
) -> None:
    formats = make_plan(ARCH, recipe).formats
    assert {formats[name] for name in NAMES} == {layers}
    assert (formats[EMBEDDING], formats[HEAD]) == (embedding, head)


def test_a_tied_head_is_no_matrix_of_its_own() -> None:
    assert HEAD not in make_plan(replace(ARCH, tied=True), Recipe()).formats


@pytest.mark.parametrize(
    ("width", "group", "words"),
    [
        (192, 64, "int4 sym g64"),
        (224, 32, "int4 sym g32"),
        (200, -1, "int4 sym per channel"),
        (256, 128, None),
    ],
)
def test_a_width_that_the_group_does_not_divide_gets_another_and_is_named(
    width: int, group: int, words: str | None
) -> None:
    plan = make_plan(replace(ARCH, intermediate_size=width), Recipe())
    for layer in range(3):
        name = f"model.layers.{layer}.mlp.down_proj"
        assert plan.formats[name] == MatrixFormat("int4", True, group)
        note = f"{name}: width {width} is not a multiple of 128, so it is {words}"
        assert (note in plan.notes) == (words is not None)
    assert len(plan.notes) == (3 if words else 0)
    assert plan.group_sizes == {128, group}


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("backup", ["int8_asym", "int8_sym", "none"])
def test_a_ratio_keeps_the_most_sensitive_matrices(ratio: float, backup: Any) -> None:
    order = [*NAMES[1::2], *NAMES[::2]]  # the least sensitive first
    plan = make_plan(
        ARCH, Recipe(ratio=ratio, backup=backup), {name: at for at, name in enumerate(order)}
    )
    kinds = [plan.formats[name].kind for name in order]
    kept = {"none": MatrixFormat("float")}.get(backup, MatrixFormat("int8", backup == "int8_sym"))
    count = kinds.count("int4")
    assert kinds == ["int4"] * count + [kept.kind] * (len(order) - count)
    assert {plan.formats[name] for name in order[count:]} == {kept}
    assert share_of_int4(plan) < ratio
    assert plan.formats[EMBEDDING] == plan.formats[HEAD] == kept


def test_at_ratio_one_sensitivities_do_not_matter() -> None:
    assert make_plan(ARCH, Recipe(), dict.fromkeys(NAMES, 1.0)) == make_plan(ARCH, Recipe())


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_without_sensitivities_a_ratio_still_foresees_the_size(ratio: float) -> None:
    recipe = Recipe(ratio=ratio, backup="none")
    rough = make_plan(ARCH, recipe)
    true = make_plan(ARCH, recipe, {name: -at for at, name in enumerate(NAMES)})
    assert rough.size_bytes() > make_plan(ARCH, Recipe()).size_bytes()
    assert rough.size_bytes() == pytest.approx(true.size_bytes(), rel=0.15)


@pytest.mark.parametrize(
    "recipe",
    [Recipe("bf16"), Recipe("int8"), Recipe(), Recipe(group_size=32, symmetric=False)],
    ids=lambda recipe: recipe.name,
)
def test_the_foreseen_size_is_about_the_file_s(tiny_models: Any, recipe: Recipe) -> None:
    folder = tiny_models.export("glm", recipe, vocab_size=320)
    arch = replace(
        ARCH, hidden_size=128, intermediate_size=256, layers=2, vocab_size=320, max_positions=512
    )
    size = read_manifest(folder).files["openvino_model.bin"].size
    assert make_plan(arch, recipe).size_bytes() == pytest.approx(size, rel=0.12)
