"""nano-v answers questions about pictures that it was never shown, through its exports."""

from pathlib import Path

import numpy as np
import pytest

from nano_training.answers import count_right, to_markdown
from nano_v_training.data import GROUPS, held_out_samples
from nano_v_training.drawing import draw
from nano_v_training.scenes import Scene, Thing
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm_export.pipeline import export_checkpoint

LEAST = 0.95
# What INT8 and INT4 may lose.
LOSS = 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "least"),
    [
        (Recipe("bf16"), LEAST),
        (Recipe("int8"), LEAST - LOSS),
        (Recipe("int4", group_size=64), LEAST - LOSS),
        (Recipe("int4", group_size=128), LEAST - LOSS),
    ],
    ids=["bf16", "int8", "int4-g64", "int4-g128"],
)
def test_nano_v_answers_what_it_was_never_shown(
    recipe: Recipe, least: float, tmp_path: Path
) -> None:
    from nano_v_training.evaluate import ask

    export_checkpoint(checkpoint_folder("nano-v"), tmp_path / "v", recipe)
    marks = count_right(ask(tmp_path / "v", held_out_samples(16)))
    assert set(marks) == {*GROUPS, "overall"}
    assert marks["overall"][0] >= least * marks["overall"][1], to_markdown({"marks": marks})


def test_the_tower_that_was_trained_is_the_one_that_is_exported() -> None:
    """The network of the training, held against the tower written from the maths."""
    torch = pytest.importorskip("torch")
    import json

    from tokenizers import Tokenizer

    from nano_v_training.batches import show
    from nano_v_training.checkpoint import new_model, read_weights
    from nano_v_training.model import Shapes, to_pixels
    from vision_reference import load_tensors, reference_vectors

    folder = checkpoint_folder("nano-v")
    model = new_model(Shapes(), Tokenizer.from_file(str(folder / "tokenizer.json")))
    read_weights(model, folder)
    scene = Scene(200, 110, (Thing(("red", "circle"), 0.2, 0.3, 0.1),), 5)
    pixels = to_pixels(show([scene], model.shapes.vision).pictures)
    with torch.no_grad():
        vectors = model.look(pixels, torch.float32).numpy()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    wanted = reference_vectors(config, load_tensors(folder), pixels.numpy())
    assert np.abs(vectors - wanted).max() <= 1e-4 * np.ptp(wanted)
    assert draw(scene).size == (200, 110)
