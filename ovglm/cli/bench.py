"""`ovglm bench`: how fast a model answers on this machine, as a table, JSON, CSV or a chart."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ovglm.bench.plan import Plan
from ovglm.cli.model_arguments import add_model_arguments, choose_model
from ovglm.cli.runtime_arguments import add_runtime_arguments
from ovglm.errors import OvglmError

if TYPE_CHECKING:
    from ovglm.bench.report import Report
    from ovglm.devices.options import RuntimeOptions
    from ovglm.engine import Engine

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "measure how fast a model loads and answers on this machine"

EXAMPLES = """\
  ovglm bench nano
  ovglm bench ./glm-edge-int4 --prompt 32,512,2048 --output 128 --concurrency 1,4,16
  ovglm bench ./glm-edge-int4 --device GPU --csv speed.csv --plot speed.png
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm bench`."""
    add_model_arguments(parser)
    _add_plan(parser)
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object instead of the table")
    add("--csv", type=Path, metavar="FILE", help="also write the figures as CSV")
    add("--plot", type=Path, metavar="FILE", help="also draw a PNG chart (extra `bench`)")
    add_runtime_arguments(parser)


def _add_plan(parser: ArgumentParser) -> None:
    """Describe what is measured; all combinations are."""
    lists = (
        ("prompt", Plan.prompts, "tokens of the prompts: random ones, never the same twice"),
        ("output", Plan.outputs, "new tokens of each answer, exactly"),
        ("concurrency", Plan.concurrencies, "requests that run at once"),
    )
    for name, default, help_text in lists:
        shown = ",".join(map(str, default))
        parser.add_argument(
            f"--{name}",
            type=_counts,
            default=default,
            metavar="N,...",
            help=f"{help_text} (default: {shown})",
        )
    parser.add_argument(
        "--runs",
        type=_count,
        default=Plan.runs,
        metavar="N",
        help="runs of each combination after one to warm up; the median counts "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=Plan.seed,
        metavar="N",
        help="another seed draws other prompts (default: %(default)s)",
    )


def run(options: Namespace) -> int:
    """Measure and show. All that can be refused is refused before anything is loaded."""
    from ovglm.bench import files, plot

    _check_outputs(options)
    report = _measure(options)
    if options.csv:
        files.write_csv(report, options.csv)
    if options.plot:
        plot.save_plot(report, options.plot)
    if options.json:
        print(files.to_json(report))
    else:
        from rich.console import Console

        from ovglm.bench.table import print_report

        print_report(report, Console(highlight=False))
    return 0


def _measure(options: Namespace) -> "Report":
    from ovglm.bench.benchmark import run_benchmark
    from ovglm.bench.subject import read_subject
    from ovglm.devices import list_devices
    from ovglm.engine.load import load_engine
    from ovglm.progress import show_progress

    folder, runtime = choose_model(options, must_chat=False).export()
    subject = read_subject(folder)
    plan = Plan(options.prompt, options.output, options.concurrency, options.runs, options.seed)
    said: set[str] = set()

    def load(chosen: "RuntimeOptions") -> "Engine":
        say = partial(_say_once, said)
        return load_engine(subject.facts.folder, options.device, chosen, say=say)

    with show_progress() as progress:
        return run_benchmark(
            subject,
            load,
            plan,
            plan.fill_in(runtime),
            devices=list_devices(),
            progress=progress,
        )


def _say_once(said: set[str], text: str) -> None:
    """Leave out what the first of the two loads said already."""
    if text not in said:
        said.add(text)
        print(text, file=sys.stderr)


def _check_outputs(options: Namespace) -> None:
    for name in ("csv", "plot"):
        path: Path | None = getattr(options, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise OvglmError(
                f"--{name} {path}: there is no folder {path.absolute().parent}",
                hint=f"--{name} {path.name}",
            )
    if options.plot:
        from ovglm.bench.plot import require_matplotlib

        require_matplotlib()


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    """Read `1,4,16`; each number once, in the given order."""
    return tuple(dict.fromkeys(_count(part) for part in text.split(",")))
