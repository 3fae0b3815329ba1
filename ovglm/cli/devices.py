"""`ovglm devices`: what OpenVINO sees on this machine, and why other kinds may be absent."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ovglm.devices.absent import Absence
    from ovglm.devices.device import Device

__all__ = ["EXAMPLES", "HELP", "add_arguments", "run"]

HELP = "show the devices that can run a model, and why others are absent"

EXAMPLES = """\
  ovglm devices
  ovglm devices --json
"""

GIB = 1 << 30


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the options of `ovglm devices`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: Namespace) -> int:
    """Probe and print."""
    from ovglm.devices import explain_absences, list_devices

    devices = list_devices()
    absences = explain_absences(devices)
    if options.json:
        print(to_json(devices, absences))
        return 0
    from rich.console import Console

    print_devices(devices, absences, Console(highlight=False))
    return 0


def to_json(devices: "Sequence[Device]", absences: "Sequence[Absence]") -> str:
    """Give one JSON object: memory in bytes, null where nothing tells."""
    found = {
        "devices": [{**asdict(one), "properties": sorted(one.properties)} for one in devices],
        "absent": [asdict(one) for one in absences],
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


def print_devices(
    devices: "Sequence[Device]", absences: "Sequence[Absence]", console: "Console"
) -> None:
    """Print a table of what is here and a list of what is not."""
    console.print(_table(devices))
    for absence in absences:
        console.print()
        console.print(_absence(absence))


def _table(devices: "Sequence[Device]") -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("device", no_wrap=True, style="bold")
    table.add_column("what it is", ratio=1, overflow="fold")
    table.add_column("memory", no_wrap=True)
    table.add_column("precisions", overflow="fold")
    for device in devices:
        table.add_row(
            device.id, escape(_describe(device)), _memory(device), " ".join(device.precisions)
        )
    return table


def _describe(device: "Device") -> str:
    """Name the device; what else is known of it stands on lines of its own."""
    lines = [device.name]
    lines += [device.type] if device.type != device.kind else []
    lines += ["emulated on the CPU"] if device.is_emulated else []
    lines += [f"driver {device.driver}"] if device.driver else []
    return "\n".join(lines)


def _memory(device: "Device") -> str:
    if device.memory_bytes is None:
        return "unknown"
    total = f"{device.memory_bytes / GIB:.1f} GiB"
    return total if device.free_bytes is None else f"{total}\n{device.free_bytes / GIB:.1f} free"


def _absence(absence: "Absence") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from ovglm.doctor.devices import mend_for

    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(f"no {absence.kind}", escape(absence.reason))
    grid.add_row("", f"[cyan]→ {escape(mend_for(absence))}[/]")
    return grid
