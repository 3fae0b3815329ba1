"""The report as a table for a person at a terminal. Measures nothing."""

from rich import box
from rich.console import Console
from rich.table import Table

from ovglm.bench.report import Figures, Report

__all__ = ["print_report"]

# (first line, second line) of each column's head; the rows below hold the same order
HEADS = (
    ("prompt", "tokens"),
    ("answer", "tokens"),
    ("at", "once"),
    ("first", "token"),
    ("prompt", "tokens/s"),
    ("tokens/s", "each"),
    ("tokens/s", "in total"),
    ("memory", "bandwidth"),
)


def print_report(report: Report, console: Console) -> None:
    """Print what was measured, on what, and the figures of every workload."""
    emulated = " (emulated on the CPU)" if report.is_emulated else ""
    console.print(f"[bold]{report.model}[/bold] · {report.recipe} · {report.engine} engine")
    console.print(f"[bold]{report.device}[/bold] {report.device_name}{emulated}")
    console.print(f"{report.machine}", style="dim")
    console.print()
    console.print(_table(report))
    console.print()
    for line in _facts(report):
        console.print(line)


def _table(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for first, second in HEADS:
        table.add_column(f"{first}\n{second}", justify="right", no_wrap=True)
    for figures in report.figures:
        table.add_row(*_row(figures))
    return table


def _row(figures: Figures) -> tuple[str, ...]:
    work = figures.workload
    return (
        str(work.prompt),
        str(work.output),
        str(work.concurrency),
        f"{figures.first_token_s * 1000:.0f} ms",
        _speed(figures.prompt_tokens_s),
        _speed(figures.request_tokens_s),
        f"[bold]{_speed(figures.total_tokens_s)}[/bold]",
        "–" if figures.bandwidth_share is None else f"{figures.bandwidth_share:.0%}",
    )


def _speed(tokens_s: float | None) -> str:
    if tokens_s is None:
        return "–"
    return f"{tokens_s:,.1f}" if tokens_s < 100 else f"{tokens_s:,.0f}"


def _facts(report: Report) -> list[str]:
    load = f"load         {report.load.cold_s:.2f} s"
    if report.load.warm_s is not None:
        load += f", {report.load.warm_s:.2f} s from the compiled cache"
    lines = [load, f"peak memory  {report.peak_bytes / 2**30:.2f} GiB"]
    if report.read_speed is not None:
        speed = report.read_speed
        plural = "thread" if speed.threads == 1 else "threads"
        lines.append(f"memory reads {speed.bytes_s / 1e9:.1f} GB/s with {speed.threads} {plural}")
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    warm_up = f"median of {report.runs} runs after a warm-up" if report.runs > 1 else "one run"
    return [*lines, *(f"[dim]{line}[/dim]" for line in (*report.remarks, f"{warm_up}; {versions}"))]
