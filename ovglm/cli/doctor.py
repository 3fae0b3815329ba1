"""`ovglm doctor`: what works on this machine, what does not, and how to mend it."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

    from ovglm.doctor import Check

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "check libraries, devices and models, and let every device answer once"

EXAMPLES = """\
  ovglm doctor
  ovglm doctor --json
"""

MARKS = {"ok": "[green]✓[/]", "note": "[dim]–[/]", "warn": "[yellow]![/]", "fail": "[red]✗[/]"}
NAME_WIDTH = 20


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """Check everything; 0 when the default device answers, else 1."""
    from ovglm.doctor import decide

    checks, default_device = _examine_quietly() if options.json else _examine_aloud()
    verdict = decide(checks, default_device)
    if options.json:
        found = {"works": verdict.works, "verdict": verdict.text, "default_device": default_device}
        found["checks"] = [asdict(check) for check in checks]
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        colour = "green" if verdict.works else "red"
        _console().print(f"\n[bold {colour}]{verdict.text}[/]")
    return 0 if verdict.works else 1


def _examine_quietly() -> "tuple[list[Check], str | None]":
    from ovglm.doctor.examination import Examination

    examination = Examination(say=lambda text: None)
    return list(examination), examination.default_device


def _examine_aloud() -> "tuple[list[Check], str | None]":
    """Print each check as soon as it is made, under the name of its section."""
    from ovglm.doctor.examination import Examination

    console = _console()
    checks: list[Check] = []
    with console.status("") as status:
        examination = Examination(say=partial(_show_work, status))
        for check in examination:
            if not checks or checks[-1].section != check.section:
                console.print(f"{'' if not checks else chr(10)}[bold]{check.section}[/]")
            checks.append(check)
            console.print(_line(check))
    return checks, examination.default_device


def _show_work(status: "Status", text: str) -> None:
    """Turn the spinner, or stop it while a progress bar is drawn."""
    if text:
        status.update(f"[dim]looking at {text} …[/]")
        status.start()
    else:
        status.stop()


def _line(check: "Check") -> "RenderableType":
    """Set a check in three columns; a long name gets a line of its own."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=3, justify="right")
    grid.add_column(width=NAME_WIDTH, no_wrap=True)
    grid.add_column(overflow="fold")
    mark, name, below = MARKS[check.state], escape(check.name), _text_lines(check)
    if len(check.name) <= NAME_WIDTH:
        grid.add_row(mark, name, below)
        return grid
    grid.add_row("", "", below)
    return Group(f"  {mark} {name}", grid)


def _text_lines(check: "Check") -> str:
    from rich.markup import escape

    details = [f"[dim]{escape(detail)}[/]" for detail in check.details]
    mend = [f"[cyan]→ {escape(check.mend)}[/]"] if check.mend else []
    return "\n".join([escape(check.text), *details, *mend])


def _console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)
