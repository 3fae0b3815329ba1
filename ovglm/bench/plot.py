"""The report as a chart, a PNG file. The only file that knows matplotlib."""

from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.bench.report import Figures, Report
from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["require_matplotlib", "save_plot"]

COLOURS = ("#0068b5", "#00c7fd", "#8bae46", "#ff5662", "#653171", "#e96115")
INK, FAINT = "#26303b", "#8a94a0"
INCHES = (10.5, 4.4)
MOST_LABELS = 16
LONG_WAIT_S = 2
LEGEND_COLUMNS = 4


def require_matplotlib() -> None:
    """Raise OvglmError where the library that draws is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise OvglmError(
            "--plot needs matplotlib, which is not installed", hint='pip install "ovglm[bench]"'
        ) from error


def save_plot(report: Report, path: Path) -> None:
    """Draw the speed over the concurrency beside the wait over the prompt's length."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    spacing = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12)
    figure = Figure(figsize=INCHES, dpi=150, layout=spacing)
    FigureCanvasAgg(figure)
    speed, wait = figure.subplots(1, 2)
    _draw_speed(speed, report.figures)
    _draw_wait(wait, report.figures)
    figure.suptitle(_title(report), fontsize=12, color=INK, fontweight="bold")
    figure.supxlabel(_foot(report), fontsize=7.5, color=FAINT)
    figure.savefig(path, format="png")


def _draw_speed(axes: "Axes", all_figures: Sequence[Figures]) -> None:
    _bars(
        axes,
        all_figures,
        group=lambda one: one.workload.concurrency,
        series=lambda one: f"{one.workload.prompt:,} in, {one.workload.output:,} out",
        height=lambda one: one.total_tokens_s,
    )
    _explain(axes, "New tokens per second, all requests together", "requests at once")


def _draw_wait(axes: "Axes", all_figures: Sequence[Figures]) -> None:
    is_long = max(one.first_token_s for one in all_figures) >= LONG_WAIT_S
    unit, factor = ("seconds", 1) if is_long else ("milliseconds", 1000)
    _bars(
        axes,
        all_figures,
        group=lambda one: one.workload.prompt,
        series=_wait_series(all_figures),
        height=lambda one: one.first_token_s * factor,
    )
    _explain(axes, f"Wait for the first token, {unit}", "tokens of the prompt")


def _wait_series(all_figures: Sequence[Figures]) -> Callable[[Figures], str]:
    """Name the series of the wait; the answer's length is told only where it varies."""
    varies = len({one.workload.output for one in all_figures}) > 1

    def name(one: Figures) -> str:
        count = one.workload.concurrency
        at_once = f"{count} at once"
        return f"{at_once}, {one.workload.output:,} out" if varies else at_once

    return name


def _bars(
    axes: "Axes",
    all_figures: Sequence[Figures],
    *,
    group: Callable[[Figures], int],
    series: Callable[[Figures], str],
    height: Callable[[Figures], float],
) -> None:
    """Draw bars side by side: one group per x value, in it one bar per series."""
    groups = sorted({group(one) for one in all_figures})
    names = list(dict.fromkeys(series(one) for one in all_figures))
    width = 0.8 / len(names) if len(groups) > 1 or len(names) > 1 else 0.35
    for number, name in enumerate(names):
        mine = [one for one in all_figures if series(one) == name]
        offset = (number - (len(names) - 1) / 2) * width
        bars = axes.bar(
            [groups.index(group(one)) + offset for one in mine],
            [height(one) for one in mine],
            width * 0.92,
            label=name,
            color=COLOURS[number % len(COLOURS)],
        )
        if len(all_figures) <= MOST_LABELS:
            axes.bar_label(bars, fmt=_short, fontsize=7.5, color=INK, padding=2)
    axes.set_xticks(range(len(groups)), [f"{one:,}" for one in groups])
    axes.set_xlim(-0.6, len(groups) - 0.4)


def _explain(axes: "Axes", title: str, below: str) -> None:
    legend_lines = ceil(len(axes.containers) / LEGEND_COLUMNS)
    axes.set_title(title, fontsize=10, color=INK, loc="left", pad=10 + 14 * legend_lines)
    axes.set_xlabel(below, fontsize=8.5, color=FAINT)
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    axes.yaxis.grid(True, color="#e6e9ec")
    axes.set_axisbelow(True)
    axes.margins(y=0.08)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c9ced4")
    axes.legend(
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        ncols=LEGEND_COLUMNS,
        loc="lower left",
        bbox_to_anchor=(-0.02, 0.99),
        handlelength=1,
        handleheight=1,
        columnspacing=1.4,
    )


def _short(value: float) -> str:
    if value < 1:
        return f"{value:.2f}"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _title(report: Report) -> str:
    emulated = ", emulated" if report.is_emulated else ""
    return f"{report.model} · {report.recipe} · {report.device} ({report.device_name}{emulated})"


def _foot(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"{report.machine} · {versions} · median of {report.runs}"
