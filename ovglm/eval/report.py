"""What an evaluation found, as data, as JSON and as a table for a person at a terminal."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from ovglm.eval.choices import Choices
    from ovglm.eval.likelihoods import Likelihoods
    from ovglm.eval.perplexity import Perplexity
    from ovglm.eval.tasks import TaskScore

__all__ = ["Report", "Subject", "print_report", "to_json"]


@dataclass(frozen=True)
class Subject:
    """What was evaluated, and how it calculated."""

    model: str
    recipe: str
    device: str
    device_name: str
    arithmetic: str

    @classmethod
    def of(cls, likelihoods: "Likelihoods") -> "Subject":
        """Describe the model behind likelihoods."""
        told = likelihoods
        return cls(told.name, told.recipe, told.device, told.device_name, told.arithmetic)


@dataclass(frozen=True)
class Report:
    """All measures that were asked for; files are named as they were given."""

    subject: Subject
    perplexity: Mapping[str, "Perplexity"]
    choices: Mapping[str, "Choices"]
    tasks: tuple["TaskScore", ...]


def to_json(report: Report) -> str:
    """Give the report as one JSON object; what is not a number becomes null."""
    texts = {
        file: {
            **asdict(one),
            "perplexity": one.perplexity if math.isfinite(one.perplexity) else None,
            "bits_per_byte": one.bits_per_byte,
        }
        for file, one in report.perplexity.items()
    }
    return json.dumps(
        {
            **asdict(report.subject),
            "perplexity": texts,
            "choices": {file: asdict(one) for file, one in report.choices.items()},
            "tasks": [asdict(one) for one in report.tasks],
        },
        ensure_ascii=False,
        indent=2,
    )


def print_report(report: Report, console: Console) -> None:
    """Print what was evaluated, and a table for each kind of measure."""
    subject = report.subject
    console.print(f"[bold]{subject.model}[/bold] · {subject.recipe} · {subject.arithmetic}")
    console.print(f"[bold]{subject.device}[/bold] {subject.device_name}")
    if report.perplexity:
        console.print()
        console.print(_perplexity_table(report.perplexity))
        for one in {one.windows for one in report.perplexity.values()}:
            lines = f"windows of {one.context} tokens, one every {one.stride}"
            console.print(f"[dim]{lines}[/dim]")
    if report.choices:
        console.print()
        console.print(_choices_table(report.choices))
    if report.tasks:
        console.print()
        console.print(_tasks_table(report.tasks))


def _perplexity_table(texts: Mapping[str, "Perplexity"]) -> Table:
    table = _table("text", "tokens", "nats/token", "perplexity", "bits/byte")
    for file, one in texts.items():
        table.add_row(
            file,
            f"{one.tokens:,}",
            f"{one.nats / one.tokens:.4f}",
            f"[bold]{_figure(one.perplexity)}[/bold]",
            f"{one.bits_per_byte:.4f}",
        )
    return table


def _choices_table(files: Mapping[str, "Choices"]) -> Table:
    table = _table("questions", "number", "acc", "acc_norm", "guessing")
    for file, one in files.items():
        table.add_row(
            file,
            f"{one.questions:,}",
            f"[bold]{_share(one.acc, one.acc_stderr)}[/bold]",
            _share(one.acc_norm, one.acc_norm_stderr),
            f"{one.chance:.1%}",
        )
    return table


def _tasks_table(tasks: tuple["TaskScore", ...]) -> Table:
    table = _table("task", "metric", "filter", "value", "± error")
    for one in tasks:
        error = "" if one.stderr is None else _figure(one.stderr)
        value = "–" if one.value is None else f"[bold]{_figure(one.value)}[/bold]"
        table.add_row(one.task, one.metric, one.filter, value, error)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _figure(value: float) -> str:
    return f"{value:,.4f}" if abs(value) < 1e6 else f"{value:.4g}"


def _share(share: float, error: float | None) -> str:
    return f"{share:.1%}" if error is None else f"{share:.1%} ± {error:.1%}"
