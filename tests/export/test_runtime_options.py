"""The defaults that an exported IR gives to the CPU plugin; what a user sets wins."""

from typing import Any

import openvino as ov
import pytest

from ovglm.recipe import Recipe

GROUP = "DYNAMIC_QUANTIZATION_GROUP_SIZE"


def compiled_group(folder: Any, **properties: str) -> int:
    compiled = ov.Core().compile_model(folder / "openvino_model.xml", "CPU", properties)
    return int(compiled.get_property(GROUP))


@pytest.mark.parametrize(("size", "group"), [(128, 128), (64, 64)])
def test_activations_are_rounded_in_the_groups_of_int4_weights(
    tiny_models: Any, size: int, group: int
) -> None:
    folder = tiny_models.export(recipe=Recipe(group_size=size))
    assert compiled_group(folder) == group
    assert compiled_group(folder, **{GROUP: "32"}) == 32


@pytest.mark.parametrize("recipe", [Recipe("int8"), Recipe(group_size=-1)])
def test_without_groups_the_plugin_keeps_its_own_default(tiny_models: Any, recipe: Recipe) -> None:
    plain = tiny_models.export(recipe=Recipe("bf16"))
    assert compiled_group(tiny_models.export(recipe=recipe)) == compiled_group(plain)
