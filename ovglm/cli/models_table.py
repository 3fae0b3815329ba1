"""The catalogue as a person reads it, in 80 columns and more."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from ovglm.cli.columns import size_text
from ovglm.devices import Device
from ovglm.models import Entry
from ovglm.models.abilities import Abilities, abilities_of
from ovglm.models.entry import Hub
from ovglm.models.forecast import MEMORY_CONTEXT, RECIPES, Fit, Forecast, Verdict, forecast
from ovglm.vision_sizes import TowerShape

__all__ = ["print_details", "print_table", "tokens_text"]

_COLOURS: dict[Verdict, str] = {"green": "green", "tight": "yellow", "no": "red"}
_HUBS: dict[Hub, str] = {"huggingface": "Hugging Face", "modelscope": "ModelScope"}
_LEGEND = (
    f"Sizes in GB: the upper line on disk, the lower one in memory, on the CPU with a context of "
    f"{MEMORY_CONTEXT} tokens.",
    "runs here: the context in tokens that a load in int4 has room for now. tight: a shorter one "
    "than usual, or more than four fifths of the free memory.",
    "(tools): the prompt tells it how. All about one of them: ovglm models NAME",
)


def print_table(entries: Sequence[Entry], devices: Sequence[Device], console: Console) -> None:
    """Print two lines for each model, then what they mean."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("download", justify="right", no_wrap=True)
    for weights in RECIPES:
        table.add_column(weights, justify="right", no_wrap=True, min_width=5)
    table.add_column("runs here", overflow="fold", ratio=1)
    for entry in entries:
        found = [forecast(entry, weights, devices) for weights in RECIPES]
        table.add_row(
            f"[bold]{entry.name}[/]\n  [dim]{_facts(entry)}[/]",
            f"{_download(entry)}\n[dim]memory[/]",
            *(f"{_gb(one.disk_bytes)}\n[dim]{_gb(one.memory_bytes)}[/]" for one in found),
            "\n".join(map(_short_verdict, found[0].fits)),
        )
    console.print(table)
    console.print()
    for line in _LEGEND:
        console.print(f"[dim]{escape(line)}[/]")


def print_details(entry: Entry, devices: Sequence[Device], console: Console) -> None:
    """Print everything about one model, and each recipe on each device."""
    console.print(f"[bold]{entry.name}[/]  {escape(entry.summary)}\n")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for label, text in _lines(entry):
        grid.add_row(label, escape(text))
    console.print(grid)
    for found in (forecast(entry, weights, devices) for weights in RECIPES):
        console.print()
        console.print(_recipe(found))
    console.print(f"\n[cyan]→ {escape(_next_step(entry))}[/]")


def _facts(entry: Entry) -> str:
    """Tell parameters, context, abilities and licence in one short line."""
    told = abilities_of(entry)
    tools = {"native": ["tools"], "instructed": ["(tools)"]}.get(told.tools or "", [])
    words = [
        f"{_billions(entry)} B",
        tokens_text(entry.shape.context_length),
        *(["base"] if entry.is_base else []),
        *(["images"] if told.pictures else tools),
        *(["thinks"] if told.thinks else []),
        entry.licence.name,
    ]
    return escape(", ".join(words))


def _lines(entry: Entry) -> list[tuple[str, str]]:
    shape = entry.shape
    names = [
        f"{' or '.join(found)} ({title})"
        for hub, title in _HUBS.items()
        if (found := entry.repositories(hub))
    ]
    size = (
        f"{shape.layers} layers of {shape.hidden_size}, {shape.heads} heads, "
        f"{shape.kv_heads} KV heads"
    )
    return [
        ("published as", "\n".join(names) or "it ships with ovglm"),
        ("parameters", f"{_billions(entry)} billion: {size}"),
        ("context", f"{shape.context_length} tokens"),
        *([("pictures", _pictures(entry.tower))] if entry.tower else []),
        ("made for", _purpose(entry, abilities_of(entry))),
        ("licence", f"{entry.licence.name}: {entry.licence.note}\n{entry.licence.url}"),
        ("download", size_text(entry.download_bytes) if entry.repository else "none"),
        *([("note", entry.note)] if entry.note else []),
    ]


def _purpose(entry: Entry, told: Abilities) -> str:
    if entry.is_base:
        return "going on with a text; it has not learnt to chat"
    tools = {
        "native": "it was trained to call tools",
        "instructed": "it is told in the prompt how to call tools",
    }.get(told.tools or "", "whether it was trained to call tools is not known")
    chat = "chat, about pictures too" if told.pictures else "chat"
    return f"{chat}; {tools}" + ("; it thinks before it answers" if told.thinks else "")


def _pictures(tower: TowerShape) -> str:
    side = tower.image_size
    return f"{side} x {side} pixels, each picture takes {tower.vectors} tokens of the context"


def _recipe(found: Forecast) -> Group:
    head = (
        f"[bold]{found.recipe.weights}[/]  {size_text(found.disk_bytes)} on disk, "
        f"{size_text(found.memory_bytes)} in memory with {MEMORY_CONTEXT} tokens on the CPU"
    )
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for fit in found.fits:
        colour = _COLOURS[fit.verdict]
        grid.add_row(f"  {fit.device}", f"[{colour}]{fit.verdict}[/]", escape(_long_verdict(fit)))
    return Group(head, grid)


def _short_verdict(fit: Fit) -> str:
    words = {
        "green": f"{fit.device} {tokens_text(fit.context)}",
        "tight": f"{fit.device} {tokens_text(fit.context)} tight",
        "no": f"{fit.device} no",
    }
    return f"[{_COLOURS[fit.verdict]}]{words[fit.verdict]}[/]"


def _long_verdict(fit: Fit) -> str:
    if fit.verdict == "no":
        return fit.reason
    more = f"; --context takes up to {fit.longest}" if fit.longest > fit.context else ""
    return f"{fit.context} tokens in {size_text(fit.memory_bytes)}{more}"


def _next_step(entry: Entry) -> str:
    if entry.tower:
        return f'ovglm run {entry.name} "What is this?" --image photo.jpg'
    return f"ovglm export {entry.name}" if entry.is_base else f"ovglm chat {entry.name}"


def _download(entry: Entry) -> str:
    return _gb(entry.download_bytes) if entry.repository else "inside"


def _billions(entry: Entry) -> str:
    count = entry.parameters / 1e9
    return f"{count:.1f}" if count >= 0.1 else f"{count:.3f}"


def tokens_text(count: int) -> str:
    """Write a context as people do: 8K, 1M; a short odd one in full."""
    for unit, factor in (("M", 1 << 20), ("K", 1 << 10)):
        if count >= factor and (count % factor == 0 or count >= 10 * factor):
            return f"{count // factor}{unit}"
    return str(count)


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f}" if size_bytes >= 5e7 else f"{size_bytes / 1e9:.3f}"
