"""The table of commands: a name and the module that holds it, imported when it is named.

A command module has HELP (one line), EXAMPLES (lines to try), add_arguments(parser) and
run(options) -> int, and imports anything slow only inside run.
"""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from importlib.metadata import entry_points
from typing import Protocol, cast

__all__ = ["GROUP", "Command", "list_names", "load_command"]

GROUP = "ovglm.commands"
CORE = {
    "bench": "ovglm.cli.bench",
    "cache": "ovglm.cli.cache",
    "chat": "ovglm.cli.chat",
    "devices": "ovglm.cli.devices",
    "doctor": "ovglm.cli.doctor",
    "eval": "ovglm.cli.eval",
    "list": "ovglm.cli.list",
    "models": "ovglm.cli.models",
    "pull": "ovglm.cli.pull",
    "rm": "ovglm.cli.rm",
    "run": "ovglm.cli.run",
    "store": "ovglm.cli.store",
}


class Command(Protocol):
    """What a command module offers."""

    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: ArgumentParser) -> None: ...

    def run(self, options: Namespace) -> int: ...


def list_names() -> list[str]:
    """List the names of all commands, those of the other packages too, in alphabetical order."""
    return sorted({*CORE, *(point.name for point in entry_points(group=GROUP))})


def load_command(name: str) -> Command | None:
    """Load one command by its name; None when there is no such command."""
    if name in CORE:
        return _load(CORE[name])
    for point in entry_points(group=GROUP, name=name):
        return _load(point.value)
    return None


def _load(module: str) -> Command:
    return cast(Command, import_module(module))  # a module satisfies the protocol, unseen by types
