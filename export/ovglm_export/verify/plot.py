"""The error of each layer as a chart, a PNG file."""

from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.bench.plot import COLOURS, FAINT, INK
from ovglm.verification import Verification

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["save_plot"]

_INCHES = (8.0, 4.2)


def save_plot(found: Verification, title: str, path: Path) -> None:
    """Draw what each layer adds as bars, and what is carried behind it as a line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=_INCHES, dpi=150, layout=ConstrainedLayoutEngine(w_pad=0.15))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = [one.layer for one in found.layers]
    axes.bar(places, [one.added for one in found.layers], color=COLOURS[0], label="added by it")
    carried = [one.carried for one in found.layers]
    axes.plot(places, carried, color=COLOURS[3], marker=".", label="carried, of all so far")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _explain(axes)
    figure.suptitle(title, fontsize=12, color=INK, fontweight="bold")
    total = found.total
    foot = f"{total.tokens:,} tokens · mean KL {total.kl_mean:g} · top-1 {total.top1:.1%}"
    figure.supxlabel(f"{foot} · activations: {found.activations}", fontsize=7.5, color=FAINT)
    figure.savefig(path, format="png")


def _explain(axes: "Axes") -> None:
    axes.set_title("Relative error of a layer's output, mean over tokens", fontsize=10, color=INK)
    axes.set_xlabel("layer", fontsize=8.5, color=FAINT)
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    axes.yaxis.grid(True, color="#e6e9ec")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")
