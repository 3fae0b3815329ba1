"""`ovglm devices`, `doctor` and `bench` as a person and a program meet them."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


class Shell:
    """Runs ovglm with a store of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(
        self, *words: str | Path, width: int = 80, emulate: bool = False
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OVGLM_HOME": str(self.home), "COLUMNS": str(width)}
        environment.pop("OVGLM_NPU_EMULATION", None)
        if emulate:
            environment["OVGLM_NPU_EMULATION"] = "1"
        return subprocess.run(
            [sys.executable, "-m", "ovglm", *map(str, words)],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="module")
def ovglm(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A store that all tests of this file share."""
    return Shell(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("width", [80, 120])
def test_devices_shows_the_cpu_within_the_width_of_the_terminal(ovglm: Shell, width: int) -> None:
    done = ovglm("devices", width=width)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^CPU +\S", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= width


def test_devices_as_json_has_bytes_and_reasons(ovglm: Shell) -> None:
    found = json.loads(ovglm("devices", "--json").stdout)
    cpu = next(one for one in found["devices"] if one["id"] == "CPU")
    assert cpu["memory_bytes"] > 1 << 30
    assert "FP32" in [one.upper() for one in cpu["precisions"]] or cpu["precisions"]
    here = {one["type"].split()[-1] for one in found["devices"]}
    assert {one["kind"] for one in found["absent"]} == {"GPU", "NPU"} - here
    assert all(one["reason"] and one["linux"] and one["windows"] for one in found["absent"])


def test_an_emulated_npu_is_called_emulated(ovglm: Shell) -> None:
    done = ovglm("devices", emulate=True)
    assert "emulated on the CPU" in done.stdout
    found = json.loads(ovglm("devices", "--json", emulate=True).stdout)
    assert [one["is_emulated"] for one in found["devices"] if one["id"] == "NPU"] == [True]
    assert "NPU" not in {one["kind"] for one in found["absent"]}


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
def test_the_doctor_ends_with_one_verdict_and_0_where_the_cpu_answers(
    ovglm: Shell, width: int
) -> None:
    done = ovglm("doctor", width=width)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("ovglm works here: the default device is CPU")
    assert max(map(len, lines)) <= width
    for section in ("libraries", "machine", "devices", "models", "answers"):
        assert section in lines
    assert "Paris" in done.stdout


@pytest.mark.slow
def test_the_doctor_as_json_asks_every_device_and_knows_every_stored_model(ovglm: Shell) -> None:
    ovglm("run", "nano", "Hi", "--max-new-tokens", "1")
    done = ovglm("doctor", "--json", emulate=True)
    found = json.loads(done.stdout)
    assert found["works"] is True
    assert found["default_device"] == "CPU"
    answers = {one["name"]: one["state"] for one in found["checks"] if one["section"] == "answers"}
    assert answers == {"CPU": "ok", "NPU": "ok"}
    (model,) = (one for one in found["checks"] if one["section"] == "models")
    assert "runs on CPU, NPU" in model["text"]


@pytest.mark.slow
def test_bench_writes_a_table_a_csv_and_a_chart(ovglm: Shell, tmp_path: Path) -> None:
    table, chart = tmp_path / "speed.csv", tmp_path / "speed.png"
    words = ("--prompt", "8,64", "--output", "16", "--concurrency", "1,2", "--runs", "1")
    done = ovglm("bench", "nano", *words, "--csv", table, "--plot", chart)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[:3] for line in done.stdout.splitlines() if re.match(r" *\d+ +16 ", line)]
    assert rows == [["8", "16", "1"], ["8", "16", "2"], ["64", "16", "1"], ["64", "16", "2"]]
    assert "from the compiled cache" in done.stdout
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert [row["prompt"] for row in csv.DictReader(file)] == ["8", "8", "64", "64"]
    assert chart.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_bench_as_json_also_on_the_emulated_npu(ovglm: Shell) -> None:
    words = ("--prompt", "32", "--output", "8", "--runs", "1", "--json", "--device", "NPU")
    done = ovglm("bench", "nano", *words, emulate=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["device"], found["engine"], found["is_emulated"]) == ("NPU", "static", True)
    assert found["load"]["cold_s"] > 0
    assert found["figures"][0]["total_tokens_s"] > 0
    assert found["peak_bytes"] > 1 << 26


def test_bench_refuses_a_prompt_that_the_model_has_no_room_for(ovglm: Shell) -> None:
    done = ovglm("bench", "nano", "--prompt", "100000")
    assert done.returncode == 1
    assert done.stderr.count("\n") >= 2
    assert "Traceback" not in done.stderr
