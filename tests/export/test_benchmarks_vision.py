"""The comparison with pictures: its checkpoint, the road through transformers, and its tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import strengths, vision
from benchmarks.measure import GIB, Measurement
from benchmarks.vision import Run
from benchmarks.vision_asking import measure_asking, picture
from benchmarks.vision_shapes import BEGIN_ID, write_vision_checkpoint
from benchmarks.vision_torch_once import TorchModel
from ovglm.models.shapes import EDGE_V_2B
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from vision_runner import run_tower

TOWER = replace(
    EDGE_V_2B,
    image_size=56,
    hidden_size=96,
    intermediate_size=136,
    layers=2,
    gate_size=160,
    output_size=128,
)
FIGURES = {"encode_s": 1.0, "first_token_s": 2.0, "again_s": 0.5, "ms_per_token": 20.0}


def run(road: str, factor: float, memory: int) -> Run:
    figures = {name: factor * value for name, value in FIGURES.items()}
    return Run(road, figures, Measurement(1.0, memory * GIB, memory * GIB))


def test_both_roads_see_the_same_in_a_picture(tmp_path: Path) -> None:
    source, output = tmp_path / "source", tmp_path / "export"
    write_vision_checkpoint(source, TOWER, "tiny", shard_bytes=200_000)
    told = ExportOptions(verify="none", vision_weights="f32")
    export_checkpoint(source, output, Recipe("bf16"), told)
    pixels = picture(TOWER.image_size, 1)
    ours = run_tower(output, (pixels.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32))[0]
    theirs = TorchModel(source).look(pixels).float().detach().numpy()
    assert ours.shape == theirs.shape == (TOWER.vectors, TOWER.output_size)
    # bfloat16 has 8 bits
    assert np.abs(ours - theirs).max() < 0.03 * np.ptp(ours)


def test_pictures_never_repeat_but_for_the_second_question() -> None:
    asked: list[tuple[bytes, tuple[int, ...]]] = []

    def ask(pixels: np.ndarray, prompt: list[int], new_tokens: int) -> list[int]:
        asked.append((pixels.tobytes(), tuple(prompt)))
        return [0] * new_tokens

    figures = measure_asking(lambda *told: iter(ask(*told)), 8, 6)
    pictures = [pixels for pixels, _ in asked[1:]]
    assert pictures[0::2] == pictures[1::2] and len(set(pictures)) == 3
    assert len({prompt for _, prompt in asked}) == len(asked)
    assert all(prompt.count(BEGIN_ID) == 6 for _, prompt in asked)
    assert set(figures) == {"first_token_s", "again_s", "ms_per_token"}


def test_roads_take_turns_and_ratios_above_one_are_ours() -> None:
    assert vision.order(0) == vision.order(1)[::-1]
    first, second = vision.order(0)
    printed = vision.tables([run(first, 1, 2), run(second, 2, 6), run(first, 1, 2)])
    assert "| ratio | 2.00x | 2.00x | 2.00x | 2.00x | 3.00x | 3.00x |" in printed


def test_strengths_are_tried_alike_and_apart() -> None:
    tried = strengths.combinations()
    assert len(set(tried)) == len(tried)
    assert (0.5, 0.5, 0.5, 0.5) in tried and (0.5, 1.0, 0.5, 0.5) in tried
    printed = strengths.table([("g128", None, (0.1, 0.2)), ("g128", tried[0], (0.3, 0.4))])
    assert "| g128 | balanced |  |  |  | 0.1000 | 0.2000 |" in printed
    assert "| g128 | 0.0 | 0.0 | 0.0 | 0.0 | 0.3000 | 0.4000 |" in printed
