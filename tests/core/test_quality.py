"""The choices of quality that a recipe refuses, and the names that they give it."""

from typing import Any

import pytest

from ovglm.errors import RecipeError
from ovglm.recipe import Recipe, illegal_on


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"quality": "superb"}, "superb"),
        ({"methods": ("magic",)}, "magic"),
        ({"weights": "int8", "quality": "best"}, "--quality best"),
        ({"weights": "bf16", "methods": ("awq",)}, "--awq"),
        ({"quality": "balanced", "methods": ("scale_estimation",)}, "--scale-estimation"),
        ({"methods": ("gptq", "lora_correction")}, "cannot go together"),
        ({"quality": "balanced", "samples": 0}, "--samples is 0"),
        ({"quality": "balanced", "sample_length": -1}, "--sample-length is -1"),
        ({"samples": 8}, "--samples has no meaning"),
        ({"sample_length": 64}, "--sample-length has no meaning"),
        ({"calibration": "mine-12345678"}, "--calibration has no meaning"),
    ],
)
def test_contradictions_are_refused_in_one_sentence(choices: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        Recipe(**choices)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("choices", "name"),
    [
        ({}, "int4-g128"),
        ({"quality": "balanced"}, "int4-g128-balanced"),
        ({"quality": "best", "group_size": -1}, "int4-channel-best"),
        ({"methods": ("gptq", "awq")}, "int4-g128-awq-gptq"),
        ({"quality": "best", "samples": 8}, "int4-g128-best-8x512"),
        ({"quality": "best", "calibration": "law-0a1b2c3d"}, "int4-g128-best-32x512-law-0a1b2c3d"),
    ],
)
def test_the_name_tells_the_quality(choices: Any, name: str) -> None:
    assert Recipe(**choices).name == name


def test_calibrated_recipes_stay_legal_on_the_npu() -> None:
    assert illegal_on("NPU", Recipe(quality="best")) == ""
    assert illegal_on("NPU", Recipe(methods=("awq",))) == ""
    assert "LoRA" in illegal_on("NPU", Recipe(methods=("lora_correction",)))
