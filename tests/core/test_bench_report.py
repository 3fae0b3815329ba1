"""The report as a person and as a program sees it."""

import csv
import json
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ovglm.bench.files import to_json, write_csv
from ovglm.bench.plot import require_matplotlib, save_plot
from ovglm.bench.report import Figures, LoadTimes, ReadSpeed, Report, Workload
from ovglm.bench.table import print_report
from ovglm.errors import OvglmError

FIGURES = tuple(
    Figures(Workload(prompt, 128, at_once), prompt / 400, 400.5, 40.25, 38.0 * at_once, 0.875)
    for prompt in (32, 512)
    for at_once in (1, 4)
)
REPORT = Report(
    model="glm-edge-1.5b-chat", folder="/models/edge", recipe="int4-g128", device="CPU",
    device_name="Intel(R) Core(TM) Ultra 7 155H", engine="paged", is_emulated=False, properties={},
    runs=3, load=LoadTimes(4.5, 0.75), peak_bytes=3 << 29, read_speed=ReadSpeed(36e9, 2),
    figures=FIGURES, versions={"ovglm": "0.1.0", "openvino": "2026.4.1"},
    machine="2 logical cores, 24 GiB, Linux x86_64, Python 3.11.9",
)  # fmt: skip


def printed(report: Report, width: int) -> str:
    stream = StringIO()
    print_report(report, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_keeps_every_figure_on_one_line_each(width: int) -> None:
    lines = printed(REPORT, width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line.split() for line in lines if line.split()[:2] == ["512", "128"]]
    assert rows == [
        ["512", "128", "1", "1280", "ms", "400", "40.2", "38.0", "88%"],
        ["512", "128", "4", "1280", "ms", "400", "40.2", "152", "88%"],
    ]


def test_the_table_says_load_times_memory_and_its_own_conditions() -> None:
    text = printed(REPORT, 120)
    for part in (
        "4.50 s, 0.75 s from the compiled cache",
        "1.50 GiB",
        "36.0 GB/s with 2 threads",
        "median of 3 runs after a warm-up",
        "openvino 2026.4.1",
    ):
        assert part in text


def test_what_was_not_measured_is_a_dash_and_an_emulated_device_is_called_so() -> None:
    figures = replace(FIGURES[0], request_tokens_s=None, bandwidth_share=None)
    report = replace(
        REPORT, figures=(figures,), load=LoadTimes(4.5, None), read_speed=None, is_emulated=True
    )
    text = printed(report, 80)
    assert text.count("–") == 2
    assert "compiled cache" not in text
    assert "GB/s" not in text
    assert "emulated on the CPU" in text


def test_the_json_holds_the_whole_report() -> None:
    found = json.loads(to_json(REPORT))
    assert found["load"] == {"cold_s": 4.5, "warm_s": 0.75}
    assert found["figures"][3]["workload"] == {"prompt": 512, "output": 128, "concurrency": 4}
    assert found["figures"][3]["total_tokens_s"] == 152.0


def test_the_csv_has_one_line_per_workload_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "speed.csv"
    write_csv(REPORT, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["prompt"], row["concurrency"]) for row in rows] == [
        ("32", "1"), ("32", "4"), ("512", "1"), ("512", "4"),
    ]  # fmt: skip
    assert rows[0]["device"] == "CPU"
    assert float(rows[0]["bandwidth_share"]) == 0.875
    assert rows[0]["version_openvino"] == "2026.4.1"


@pytest.mark.parametrize("count", [1, 4])
def test_the_chart_is_a_png(tmp_path: Path, count: int) -> None:
    path = tmp_path / "chart.png"
    save_plot(replace(REPORT, figures=FIGURES[:count]), path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(OvglmError, match="matplotlib, which is not installed") as refusal:
        require_matplotlib()
    assert refusal.value.hint == 'pip install "ovglm[bench]"'
