"""A verification for a person at a terminal of 80 columns."""

from rich import box
from rich.console import Console
from rich.table import Table

from ovglm.verification import Agreement, Divergence, LayerError, Verification
from ovglm.vision_facts import VisionAgreement

__all__ = ["print_verification", "summary"]

# (first line, second line) of each column's head
_HEADS = (
    ("texts", ""),
    ("tokens", ""),
    ("KL", "mean"),
    ("KL", "p99"),
    ("top-1", "same"),
    ("top-5", "shared"),
    ("original", "perplexity"),
    ("", "ratio"),
)


def print_verification(found: Verification, console: Console) -> None:
    """Print the figures of each group of texts and in total, then greedy decoding and layers."""
    console.print(_table(found))
    console.print()
    for line in (*_greedy(found.divergence), *_layers(found.layers), *_vision(found.vision)):
        console.print(line)
    console.print(
        f"{found.level}, on the CPU; activations of the export: {found.activations}", style="dim"
    )


def summary(found: Verification) -> str:
    """Say the most important figures in one line."""
    total, vision = found.total, found.vision
    pictures = f"; pictures: cosine {vision.cosine_mean:.6f}" if vision else ""
    return (
        f"KL {_number(total.kl_mean)}, top-1 {total.top1:.1%}, "
        f"perplexity × {_number(total.perplexity_ratio)} over {total.tokens:,} tokens{pictures}"
    )


def _table(found: Verification) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for first, second in _HEADS:
        justify = "left" if first == "texts" else "right"
        table.add_column(f"{first}\n{second}", justify=justify, no_wrap=True)
    for group in found.groups:
        table.add_row(f"{group.language} {group.kind}", *_row(group))
    table.add_section()
    table.add_row("all", *_row(found.total), style="bold")
    return table


def _row(group: Agreement) -> tuple[str, ...]:
    return (
        f"{group.tokens:,}",
        _number(group.kl_mean),
        _number(group.kl_p99),
        f"{group.top1:.1%}",
        f"{group.top5:.1%}",
        _number(group.perplexity),
        _number(group.perplexity_ratio),
    )


def _number(value: float) -> str:
    """Show four digits; from a million on as 1.2e+06."""
    if value == 0 or 1e-4 <= abs(value) < 1:
        return f"{value:.4f}"
    if abs(value) >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _greedy(found: Divergence) -> tuple[str, ...]:
    if found.form == "decoded":
        what = f"up to {found.limit} greedy tokens behind each of {found.prompts} prompts"
    else:
        what = (
            f"{found.prompts} stretches of the texts, up to {found.limit} tokens long, that the "
            "original writes so itself"
        )
    if not found.diverged:
        return (f"greedy     {what}: all {found.tokens} tokens are the same",)
    rate = found.tokens / found.diverged
    return (
        f"greedy     {what}: {found.diverged} leave the original's tokens, on the median at token "
        f"{found.median:g}; one in {rate:.3g} tokens",
    )


def _layers(layers: tuple[LayerError, ...]) -> tuple[str, ...]:
    if not layers:
        return ()
    worst = max(layers, key=lambda one: one.added)
    least = min(one.added for one in layers)
    return (
        f"layers     each adds a relative error of {least:.2%} to {worst.added:.2%} (layer "
        f"{worst.layer}); behind the last one it is {layers[-1].carried:.2%}",
    )


def _vision(found: VisionAgreement | None) -> tuple[str, ...]:
    if found is None:
        return ()
    what = "1 made picture" if found.pictures == 1 else f"{found.pictures} made pictures"
    return (
        f"pictures   {what} of {found.vectors} vectors: cosine {found.cosine_mean:.6f} in the "
        f"mean, {found.cosine_least:.6f} at least; the largest difference is "
        f"{_number(found.max_difference)} in a range of {_number(found.range)}",
    )
