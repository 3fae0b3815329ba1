"""A model that was cut at its layers computes what the whole one computes."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ir_runner import run_ir
from ovglm.errors import FolderError
from ovglm.recipe import Recipe
from ovglm_export.layerwise import EXACT
from ovglm_export.verify.cut import CutModel, cut_model
from ovglm_export.verify.export_parts import ExportPart, activations_of, properties_of

MODEL = "openvino_model.xml"


def run_cut(model: CutModel, ids: np.ndarray) -> np.ndarray:
    """Run part after part in exact float32."""
    parts = [ExportPart(part, EXACT, "a part") for part in model.parts]
    hidden = parts[0].embed(ids)
    for part in parts[1:]:
        hidden = part.run(hidden)
    return hidden


@pytest.mark.parametrize(
    ("layout", "recipe", "wishes"),
    [
        ("glm", Recipe("bf16"), {}),
        ("glm", Recipe(), {"tie_word_embeddings": True, "num_hidden_layers": 3}),
        ("glm", Recipe(symmetric=False, ratio=0.6), {"num_hidden_layers": 1}),
        ("glm4", Recipe("int8"), {}),
        ("chatglm", Recipe(group_size=-1), {}),
    ],
)
def test_the_parts_together_give_the_whole_models_logits(
    tiny_models: Any, layout: str, recipe: Recipe, wishes: dict[str, Any]
) -> None:
    folder = tiny_models.export(layout, recipe, **wishes)
    layers = wishes.get("num_hidden_layers", 2)
    model = cut_model(folder / MODEL, layers, 128)
    assert len(model.parts) == layers + 2
    ids = np.random.default_rng(0).integers(0, 320, (2, 11))
    whole = run_ir(folder, ids, np.ones((2, 11), np.int64), [11])
    np.testing.assert_allclose(run_cut(model, ids), whole, atol=1e-5 * np.ptp(whole))


def test_a_graph_that_asks_an_early_layer_for_its_shape_is_cut_too(
    tiny_models: Any, tmp_path: Path
) -> None:
    """Traced graphs take the batch size from the embedding in every layer."""
    folder = tiny_models.export("glm")
    model = ov.Core().read_model(folder / MODEL)
    ops = {op.get_friendly_name(): op for op in model.get_ordered_ops()}
    first = ops["model.embed_tokens"].output(0)
    shapes = [
        op
        for op in ops.values()
        if op.get_type_name() == "ShapeOf" and op.input_value(0).get_partial_shape().rank == 3
    ]
    assert len(shapes) >= 2
    for shape in shapes:
        shape.input(0).replace_source_output(first)
    ov.save_model(model, tmp_path / MODEL, compress_to_fp16=False)
    cut = cut_model(tmp_path / MODEL, 2, 128)
    assert any("hidden_0" in port.get_names() for port in cut.parts[2].inputs)
    ids = np.array([[3, 1, 4, 1, 5]])
    whole = run_ir(folder, ids, np.ones_like(ids), [5])
    np.testing.assert_allclose(run_cut(cut, ids), whole, atol=1e-5 * np.ptp(whole))


@pytest.mark.parametrize(("layers", "width"), [(3, 128), (1, 128), (2, 64)])
def test_a_graph_of_another_size_is_refused(tiny_models: Any, layers: int, width: int) -> None:
    folder = tiny_models.export("glm")
    with pytest.raises(FolderError, match=f"no graph of {layers} layers over {width} channels"):
        cut_model(folder / MODEL, layers, width)


def test_activations_are_rounded_as_the_export_asks(tiny_models: Any) -> None:
    four_bit = cut_model(tiny_models.export("glm", Recipe()) / MODEL, 2, 128)
    plain = cut_model(tiny_models.export("glm") / MODEL, 2, 128)
    assert properties_of(four_bit, exact=False)["DYNAMIC_QUANTIZATION_GROUP_SIZE"] == "128"
    assert activations_of(four_bit, exact=False) == "8 bits in groups of 128"
    assert "DYNAMIC_QUANTIZATION_GROUP_SIZE" not in properties_of(plain, exact=False)
    assert properties_of(four_bit, exact=True) == EXACT
    assert activations_of(four_bit, exact=True) == "float32"
