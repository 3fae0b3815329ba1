"""A tower's export runs in f32 and bf16, fused, and near its checkpoint; that is measured."""

from collections import Counter
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from ovglm.cli import main
from ovglm.manifest import read_manifest
from ovglm.vision_facts import VisionWeights
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.verify.verifying import VerifyOptions, verify_folder
from ovglm_export.vision.verifying import made_pictures
from tiny_vision import write_vision_checkpoint
from vision_exports import INT8, VisionExports
from vision_runner import run_tower


def pictures(folder: Path) -> np.ndarray:
    facts = read_manifest(folder).vision
    assert facts is not None
    return made_pictures(facts, 2)


def cosines(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(found, axis=-1) * np.linalg.norm(wanted, axis=-1)
    return (found * wanted).sum(-1) / lengths


def test_int8_is_smaller_and_near(vision: VisionExports) -> None:
    sizes, vectors = {}, {}
    for weights in ("int8", "bf16", "f32"):
        folder = vision.export(INT8, weights)
        bin_file = folder / "openvino_vision_embeddings_model.bin"
        sizes[weights] = bin_file.stat().st_size
        # Without the begin and the end, which every picture shares.
        vectors[weights] = run_tower(folder, pictures(folder))[:, 1:-1]
    assert sizes["int8"] < 0.72 * sizes["bf16"] < 0.4 * sizes["f32"]
    np.testing.assert_array_equal(vectors["f32"], vectors["bf16"])
    near = cosines(vectors["int8"], vectors["f32"])
    assert 0.99 < near.min() < near.max() < 1


@pytest.mark.parametrize("weights", ["int8", "f32"])
def test_the_tower_runs_in_bf16(vision: VisionExports, weights: VisionWeights) -> None:
    folder = vision.export(INT8, weights)
    given = pictures(folder)
    exact, half = (run_tower(folder, given, precision) for precision in ("f32", "bf16"))
    assert half.dtype == np.float32
    assert np.isfinite(half).all()
    assert cosines(half, exact).min() > 0.998


def count_kinds(folder: Path, precision: str) -> Counter[str]:
    """Count the nodes that the CPU plugin really runs, by kind."""
    path = folder / "openvino_vision_embeddings_model.xml"
    told = {"INFERENCE_PRECISION_HINT": precision}
    compiled = ov.Core().compile_model(path, "CPU", told)
    nodes = compiled.get_runtime_model().get_ops()
    return Counter(str(node.get_rt_info()["layerType"].value) for node in nodes)


@pytest.mark.parametrize("weights", ["int8", "bf16"])
def test_attention_is_one_node_and_no_scores_are_written(
    vision: VisionExports, weights: VisionWeights
) -> None:
    """Per layer: four products, two norms, a fused attention; no product or softmax of its own."""
    kinds = count_kinds(vision.export(INT8, weights), "f32")
    layers, outside = 2, 2 if vision.layout == "glm_edge_v" else 1
    assert kinds["FullyConnected"] == 4 * layers + 5
    assert kinds["MVN"] == 2 * layers + outside
    assert kinds["ScaledDotProductAttention"] + kinds["Subgraph"] >= layers
    assert kinds["MatMul"] == kinds["Softmax"] == 0


def test_one_layer_more_adds_few_nodes(tmp_path: Path) -> None:
    found = []
    for layers in (2, 3):
        source = write_vision_checkpoint(
            tmp_path / f"source{layers}", vision={"num_hidden_layers": layers}
        )
        output = tmp_path / f"output{layers}"
        export_checkpoint(source, output, INT8, ExportOptions(verify="none"))
        kinds = count_kinds(output, "f32")
        found.append(sum(kinds.values()) - kinds["Const"])
    assert found[1] - found[0] <= 24


def test_verification_measures_the_tower(vision: VisionExports) -> None:
    checkpoint = open_checkpoint(vision.source)
    found = {}
    for weights in ("int8", "f32"):
        told = VerifyOptions("quick", exact=True)
        folder = vision.export(INT8, weights)
        found[weights] = verify_folder(checkpoint, folder, (264,), told).vision
    assert found["f32"] is not None and found["int8"] is not None
    assert found["f32"].cosine_least == 1.0
    assert found["f32"].max_difference <= 1e-4 * found["f32"].range
    assert (found["int8"].pictures, found["int8"].vectors) == (1, 6)
    assert 0.99 < found["int8"].cosine_least <= found["int8"].cosine_mean < 1
    ours = run_tower(vision.export(INT8, "int8"), pictures(vision.export())[:1])
    theirs = run_tower(vision.export(INT8, "f32"), pictures(vision.export())[:1])
    assert found["int8"].max_difference == pytest.approx(np.abs(ours - theirs).max(), rel=0.01)
    assert found["int8"].range == pytest.approx(np.ptp(theirs), rel=0.01)


def test_an_export_verifies_and_says_so(
    vision: VisionExports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    assert main(["export", str(vision.source), "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "pictures: cosine 0.99" in printed
    assert f'try: ovglm run {output} "What is this?" --image PICTURE' in printed
    kept = read_manifest(output).verification
    assert kept is not None and kept.vision is not None
    assert main(["verify", str(output), "--against", str(vision.source), "--quick"]) == 0
    assert "1 made picture of 6 vectors" in capsys.readouterr().out
    assert main(["inspect", str(output), "--check"]) == 0
    assert "56 × 56 pixels, 6 vectors" in capsys.readouterr().out
