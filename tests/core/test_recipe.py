"""A recipe's choices fit together, and no device is given one that it cannot run."""

import itertools
from typing import Any

import pytest

from ovglm.errors import RecipeError
from ovglm.recipe import DEVICES, Backup, Recipe, check_device, illegal_on, matrix_group_size

# All recipes that differ in what they give, for questions about all of them.
RATIOS: list[tuple[float, Backup]] = [
    (1.0, "int8_asym"),
    (0.5, "int8_asym"),
    (0.5, "int8_sym"),
    (0.85, "none"),
]
INT4 = [
    Recipe(group_size=group, symmetric=symmetric, ratio=ratio, backup=backup, lm_head=head)
    for group, symmetric, (ratio, backup), head in itertools.product(
        (32, 64, 128, -1),
        (True, False),
        RATIOS,
        ("int8", "int4"),
    )
]
ALL = [*INT4, Recipe("int8"), Recipe("int8", symmetric=False), Recipe("bf16")]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"weights": "int3"}, "weights is 'int3', not one of int4, int8, bf16"),
        ({"weights": None}, "weights is None"),
        ({"backup": "fp16"}, "backup is 'fp16', not one of int8_asym, int8_sym, none"),
        ({"lm_head": "bf16"}, "lm_head is 'bf16', not one of int8, int4"),
        ({"group_size": 0}, "group size 0 is neither -1"),
        ({"group_size": -2}, "group size -2 is neither -1"),
        ({"group_size": 16}, "group size 16 is neither -1"),
        ({"ratio": 0}, "ratio 0 is not above 0 and up to 1"),
        ({"ratio": -0.5}, "ratio -0.5 is not"),
        ({"ratio": 1.01}, "ratio 1.01 is not"),
        ({"ratio": float("nan")}, "ratio nan is not"),
        ({"backup": "int8_sym"}, "--backup int8_sym has no meaning at ratio 1"),
        ({"weights": "int8", "group_size": 64}, "--group-size 64 has no meaning with"),
        ({"weights": "int8", "ratio": 0.5}, "--ratio 0.5 has no meaning with --weights int8"),
        ({"weights": "bf16", "backup": "none"}, "--backup none has no meaning with"),
        ({"weights": "bf16", "lm_head": "int4"}, "--lm-head int4 has no meaning with"),
        ({"weights": "bf16", "symmetric": False}, "--asym has no meaning with --weights bf16"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(
    choices: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe(**choices)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_the_default_runs_everywhere() -> None:
    for device in (*DEVICES, "ANY"):
        assert illegal_on(device, Recipe()) == ""
        check_device(device, Recipe())


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("device", ["CPU", "GPU"])
def test_cpu_and_gpu_run_every_recipe(device: str, recipe: Recipe) -> None:
    assert illegal_on(device, recipe) == ""


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_the_npu_runs_symmetric_int4_in_groups_of_128_or_a_row_and_nothing_else(
    recipe: Recipe,
) -> None:
    legal = (recipe.weights, recipe.symmetric, recipe.ratio) == ("int4", True, 1.0)
    legal = legal and recipe.group_size in (128, -1)
    assert (illegal_on("NPU", recipe) == "") == legal
    if not legal:
        with pytest.raises(RecipeError, match="the NPU wants") as caught:
            check_device("NPU", recipe)
        assert caught.value.hint == (
            "--weights int4 --sym --group-size 128 --ratio 1.0 is legal on the NPU"
        )


@pytest.mark.parametrize(
    ("groups", "legal"),
    [({128}, True), ({-1}, True), ({128, -1}, True), (set(), True), ({128, 64}, False)],
)
def test_the_npu_looks_at_the_groups_that_are_really_used(groups: set[int], legal: bool) -> None:
    assert (illegal_on("NPU", Recipe(), groups) == "") == legal
    if not legal:
        with pytest.raises(RecipeError, match="not 64, as the width of a matrix") as caught:
            check_device("NPU", Recipe(), groups)
        assert caught.value.hint and "--group-size -1" in caught.value.hint


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(RecipeError, match="no device is called TPU") as caught:
        check_device("TPU", Recipe())
    assert caught.value.hint == "one of CPU, GPU, NPU, ANY"


def test_names_are_unique_and_safe_in_paths() -> None:
    names = [recipe.name for recipe in ALL]
    assert len(set(names)) == len(ALL)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.") for name in names)
    assert Recipe().name == "int4-g128"


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.name)
def test_a_recipe_survives_being_written_down(recipe: Recipe) -> None:
    assert Recipe(**recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("width", "wanted", "group"),
    [
        (4096, 128, 128), (13696, 128, 128), (192, 128, 64), (96, 128, 32), (100, 128, -1),
        (31, 128, -1), (4096, -1, -1), (4096, 32, 32), (48, 32, -1), (4096, 100, 64),
        (400, 100, 100), (4096, 4096, 4096), (2048, 4096, 2048),
    ],
)  # fmt: skip
def test_the_group_is_the_largest_that_divides_the_width(
    width: int, wanted: int, group: int
) -> None:
    assert matrix_group_size(width, wanted) == group
    assert group == -1 or width % group == 0
