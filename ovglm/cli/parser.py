"""From the words of the command line to a command and its options. Runs nothing."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from ovglm import __version__
from ovglm.cli.commands import Command, list_names, load_command

__all__ = ["parse"]

DESCRIPTION = """\
GLM on Intel hardware: export a GLM checkpoint to OpenVINO, and talk to it.
Nothing leaves this machine.
"""

EXAMPLES = """\
examples:
  ovglm run nano "What is the capital of France?"
  ovglm chat nano
  ovglm serve nano
  ovglm export ./glm-edge-1.5b-chat -o ./glm-edge-int4
  ovglm run ./glm-edge-int4 "你好"
  ovglm export --help
"""


class Parser(ArgumentParser):
    """An argument parser whose errors are two lines, like all our errors."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with 2."""
        self.exit(2, f"ovglm: {message}\ntry: {self.prog} --help\n")


def parse(arguments: Sequence[str]) -> tuple[Command, Namespace]:
    """Find the command that is named first and read its options; leave with 2 on a wrong use."""
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        _print_overview()
    if name.startswith("-"):
        _bare_parser().parse_args(arguments)
        _bare_parser().error("a command is missing")
    command = load_command(name)
    if command is None:
        known = ", ".join(list_names())
        _bare_parser().error(f"there is no command {name!r}; the commands are {known}")
    parser = Parser(
        prog=f"ovglm {name}",
        description=command.HELP,
        epilog=f"examples:\n{command.EXAMPLES}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return command, parser.parse_args(arguments[1:])


def _print_overview() -> NoReturn:
    commands = ((name, load_command(name)) for name in list_names())
    lines = "\n".join(f"  {name:<9} {command.HELP}" for name, command in commands if command)
    parser = _bare_parser(f"{DESCRIPTION}\ncommands:\n{lines}\n", EXAMPLES)
    parser.print_help()
    parser.exit(0)


def _bare_parser(description: str = "", epilog: str = "") -> Parser:
    parser = Parser(
        prog="ovglm",
        usage="ovglm COMMAND ...",
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ovglm {__version__}")
    return parser
