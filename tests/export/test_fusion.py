"""The CPU plugin fuses rotary embedding, norms, and attention with its cache, in every layout."""

from collections import Counter
from pathlib import Path
from typing import Any

import openvino as ov
import pytest

from ovglm.recipe import Recipe

NORMS = {"glm": 2, "chatglm": 2, "glm4": 4}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "heads_equal_groups": {"num_key_value_heads": 4},
    "one_group": {"num_attention_heads": 5, "num_key_value_heads": 1},
    "odd_heads": {"num_attention_heads": 3, "num_key_value_heads": 3},
    "quarter_rotary": {"partial_rotary_factor": 0.25},
    "full_rotary": {"partial_rotary_factor": 1.0, "head_dim": 128, "attention_bias": False},
    "tied": {"tie_word_embeddings": True},
    "yarn": {"rope_scaling": YARN, "max_position_embeddings": 256},
}


def count_kinds(folder: Path) -> Counter[str]:
    """Count the nodes that the CPU plugin really runs, by kind."""
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(folder / "openvino_model.xml", "CPU", exact)
    nodes = compiled.get_runtime_model().get_ops()
    return Counter(str(node.get_rt_info()["layerType"].value) for node in nodes)


# The original layout has no field for the rotary part, and no YaRN.
CASES = [
    pytest.param(layout, changes, id=f"{layout}-{name}")
    for layout in NORMS
    for name, changes in SHAPES.items()
    if layout != "chatglm" or not {"partial_rotary_factor", "rope_scaling"} & changes.keys()
]


@pytest.mark.parametrize(("layout", "changes"), CASES)
def test_rotary_attention_and_norms_are_fused(
    tiny_models: Any, layout: str, changes: dict[str, Any]
) -> None:
    kinds = count_kinds(tiny_models.export(layout, **changes))
    assert kinds["RoPE"] == 2 * 2
    assert kinds["ScaledDotProductAttention"] == 2
    assert kinds["RMS"] == 2 * NORMS[layout] + 1
    assert kinds["FullyConnected"] == 2 * 4 + 1


@pytest.mark.parametrize("layout", NORMS)
@pytest.mark.parametrize("recipe", [Recipe("bf16"), Recipe()], ids=lambda one: one.name)
def test_one_layer_more_adds_only_fused_nodes(
    tiny_models: Any, layout: str, recipe: Recipe
) -> None:
    fewer = count_kinds(tiny_models.export(layout, recipe))
    more = count_kinds(tiny_models.export(layout, recipe, num_hidden_layers=3))
    added = {kind: more[kind] - fewer[kind] for kind in more}
    assert added["RoPE"] == 2
    assert added["ScaledDotProductAttention"] == 1
    assert added["RMS"] == NORMS[layout]
    assert added["FullyConnected"] == 4
    assert added["MemoryInput"] == added["MemoryOutput"] == 2
    # The cache's concatenation, the beams' gather and the groups' broadcast live in the attention.
    assert all(added[kind] == 0 for kind in ("Concatenation", "Gather", "Broadcast", "Convert"))
    assert sum(added.values()) - added["Const"] <= 40
