"""The report as files: JSON for programs, CSV for spreadsheets."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

from ovglm.bench.report import Figures, Report

__all__ = ["to_json", "write_csv"]


def to_json(report: Report) -> str:
    """Give the whole report as one JSON object; speeds per second, times in seconds."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=2)


def write_csv(report: Report, path: Path) -> None:
    """Write one line per workload, each with the setting it was measured in."""
    rows = [_row(report, one) for one in report.figures]
    # the mark makes Excel read UTF-8, and other readers skip it
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _row(report: Report, figures: Figures) -> dict[str, object]:
    measured = asdict(figures)
    workload = measured.pop("workload")
    return {
        "model": report.model,
        "recipe": report.recipe,
        "device": report.device,
        "device_name": report.device_name,
        "engine": report.engine,
        **workload,
        **measured,
        "load_cold_s": report.load.cold_s,
        "load_warm_s": report.load.warm_s,
        "peak_bytes": report.peak_bytes,
        "read_bytes_s": report.read_speed.bytes_s if report.read_speed else None,
        "runs": report.runs,
        **{f"version_{name}": version for name, version in report.versions.items()},
    }
