"""How many bytes a step reads, how fast memory is, and how much of it is held."""

from pathlib import Path

import numpy as np
import pytest

from ovglm.bench.peak_memory import PeakMemory, tree_bytes
from ovglm.bench.read_speed import measure_read_speed
from ovglm.bench.report import Figures, ReadSpeed, Workload
from ovglm.bench.traffic import bandwidth_share, weights_read
from ovglm.devices.facts import ModelFacts
from ovglm.manifest import MatrixCount

FACTS = ModelFacts(
    name="model", folder=Path("model"), weights_bytes=1_000_000, layers=10, kv_heads=2,
    head_dim=64, hidden=256, vocabulary=1000, context_length=4096, stop_ids=(1,), dialect="glm4",
    fingerprint="", recipe="int4-g128",
)  # fmt: skip
EMBEDDING = MatrixCount("embed_tokens", "int8 asym per channel", 1, 256_000)
HEAD = MatrixCount("lm_head", "int8 asym per channel", 1, 256_000)


def figures(tokens_s: float | None, concurrency: int = 1) -> Figures:
    return Figures(Workload(100, 100, concurrency), 0.1, 1000.0, tokens_s, 10.0)


def test_an_embedding_of_its_own_is_not_read_in_each_step() -> None:
    assert weights_read(FACTS, (EMBEDDING, HEAD)) == 1_000_000 - 256_000


def test_an_embedding_that_is_also_the_head_is_read_in_each_step() -> None:
    assert weights_read(FACTS, (EMBEDDING,)) == 1_000_000


def test_a_folder_without_a_manifest_counts_all_its_weights() -> None:
    assert weights_read(FACTS, ()) == 1_000_000


def test_the_share_is_what_decoding_reads_of_what_memory_gives() -> None:
    speed = ReadSpeed(100e9, 2)
    found = bandwidth_share(figures(50.0), 1_000_000_000, 0, speed)
    assert found.bandwidth_share == pytest.approx(0.5)


def test_requests_at_once_share_the_weights_and_read_their_own_caches() -> None:
    speed = ReadSpeed(100e9, 2)
    found = bandwidth_share(figures(10.0, concurrency=4), 1_000_000_000, 1_000_000, speed)
    cache = 4 * (100 + 50) * 1_000_000
    assert found.bandwidth_share == pytest.approx(10 * (1_000_000_000 + cache) / 100e9)


def test_an_answer_of_one_token_has_no_share() -> None:
    assert bandwidth_share(figures(None), 1 << 30, 0, ReadSpeed(1e9, 1)).bandwidth_share is None


def test_memory_is_read_with_the_threads_that_were_asked_for() -> None:
    speed = measure_read_speed(2, buffer_bytes=32 << 20)
    assert speed.threads == 2
    assert speed.bytes_s > 1e8


def test_the_peak_keeps_memory_that_was_given_back() -> None:
    size = 64 << 20
    with PeakMemory() as peak:
        before = tree_bytes()
        held = np.ones(size, dtype=np.uint8)
        peak.look()
        del held
    assert peak.bytes >= before + size // 2
