"""`ovglm pull` killed again and again: nothing is lost but what was on its way."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ovglm.hub.partial import CHUNK_BYTES
from ovglm.manifest import file_sha256
from small_hub import SmallHub, pattern

CONFIG = json.dumps({"model_type": "glm"}).encode()


def _start_pull(hub: SmallHub, home: Path, repo: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "HF_ENDPOINT": hub.address, "OVGLM_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "ovglm", "pull", repo, "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.mark.parametrize("size", [64_000_003, pytest.param(1_000_000_007, marks=pytest.mark.slow)])
def test_three_kills_cost_at_most_a_chunk_each_and_the_file_is_right(
    size: int, tmp_path: Path
) -> None:
    weights = pattern(size)
    moments = [random.uniform(low, low + 0.15) for low in (0.05, 0.25, 0.45)]
    with SmallHub() as hub:
        hub.add("org/big", {"config.json": CONFIG, "model.safetensors": weights})
        for moment in moments:
            killed = _start_pull(hub, tmp_path, "org/big")
            hub.wait_until_served(int(moment * size))
            killed.kill()
            killed.communicate()
            assert killed.returncode != 0, f"it was faster than the kill at {moment:.0%}"
        last = _start_pull(hub, tmp_path, "org/big")
        told, errors = last.communicate()
        assert last.returncode == 0, errors
        twice = hub.served["model.safetensors"] - size
    folder = Path(json.loads(told)["folder"])
    assert file_sha256(folder / "model.safetensors") == weights.sha256
    print(f"killed at {moments}: {twice:,} of {size:,} bytes came twice")
    assert 0 <= twice <= len(moments) * CHUNK_BYTES
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "ovglm-source.json",
    ]
