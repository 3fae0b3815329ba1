"""The benchmark of quality: what it compares, and the table it prints."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.exporters import OPTIMUM, OVGLM, calibrated_command
from benchmarks.measure import GIB, Measurement
from benchmarks.quality import Distance, Road, Row, compare, roads


def test_equal_logits_are_no_distance_apart() -> None:
    logits = [np.random.default_rng(0).standard_normal((5, 7), np.float32)]
    found = compare(logits, logits, [[1, 2, 3, 4, 5]])
    assert (found.kl, found.top1, found.perplexity_ratio) == (0, 1, 1)


def test_kl_and_perplexity_are_those_of_the_definition() -> None:
    # One text of two tokens over two words; shares of 1/2 and 1/2 against 1/4 and 3/4.
    original = [np.log(np.array([[0.5, 0.5], [0.5, 0.5]], np.float32))]
    export = [np.log(np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))]
    found = compare(original, export, [[0, 0]])
    assert found.kl == pytest.approx((0.5 * np.log(2) + 0.5 * np.log(2 / 3)) / 2)
    assert found.perplexity_ratio == pytest.approx(2)
    assert found.top1 == 0.5


def test_every_recipe_is_exported_in_every_way() -> None:
    found = [(one.recipe, one.name) for one in roads()]
    assert len(found) == len(set(found)) == 2 + 4 * 7
    assert ("int4 per channel", "best") in found
    assert ("int4 g64", "awq + scale_estimation, whole model") in found
    for one in roads():
        assert ("benchmarks.quality_once" in one.command) == one.name.endswith("whole model")


def test_the_table_holds_each_row_against_the_fast_one_of_its_recipe() -> None:
    measured = Measurement(12.4, GIB, 2 * GIB)
    rows = [
        Row(Road("int4 g128", name, ()), measured, 3_000_000, Distance(kl, 0.9, 1.01), 0.95)
        for name, kl in (("fast", 0.2), ("balanced", 0.05))
    ]
    lines = quality.table(rows).splitlines()
    assert lines[2].startswith("| int4 g128 | fast | 0.2000 |  | × 1.0100 | 90.0 % | 95.0 %")
    assert "| 0.0500 | -75 % |" in lines[3]
    assert lines[3].endswith("| 3.00 MB | 12 s | 1.00 GiB |")


def test_both_calibrated_roads_take_the_same_samples(tmp_path: Path) -> None:
    ours = calibrated_command(OVGLM, tmp_path / "model", tmp_path / "out", tmp_path / "env")
    assert ours[-2:] == ["--quality", "balanced"]
    theirs = calibrated_command(OPTIMUM, tmp_path / "model", tmp_path / "out", tmp_path / "env")
    assert theirs[-1] == str(tmp_path / "model-texts.json")
