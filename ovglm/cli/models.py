"""`ovglm models`: the catalogue, and which of its models fit this machine."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ovglm.devices import Device
    from ovglm.models import Entry

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show the models there are: sizes, licences, and what fits this machine"

EXAMPLES = """\
  ovglm models
  ovglm models glm-edge-1.5b-chat
  ovglm models --json
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm models`."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="tell all about one model, by any of its names")
    add("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """Print the catalogue or one model of it; nothing is downloaded."""
    from ovglm.devices import list_devices
    from ovglm.models import CATALOGUE

    entries = [_find(options.name)] if options.name else list(CATALOGUE.values())
    devices = list_devices()
    if options.json:
        from ovglm.cli.models_json import models_to_json

        print(json.dumps(models_to_json(entries, devices), ensure_ascii=False, indent=2))
    else:
        _print(entries, devices, is_one=bool(options.name))
    return 0


def _find(name: str) -> "Entry":
    from ovglm.models import CATALOGUE, find_entry, refuse_unknown

    entry = find_entry(name)
    if entry is None:
        raise refuse_unknown(name, "no model of the catalogue", CATALOGUE, "ovglm models")
    return entry


def _print(entries: "Sequence[Entry]", devices: "Sequence[Device]", *, is_one: bool) -> None:
    from rich.console import Console

    from ovglm.cli.models_table import print_details, print_table

    console = Console(highlight=False)
    if is_one:
        print_details(entries[0], devices, console)
    else:
        print_table(entries, devices, console)
