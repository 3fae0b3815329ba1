"""The options that the comparisons with optimum-intel share."""

import argparse
from pathlib import Path

from benchmarks.optimum_env import default_folder
from benchmarks.venvs import program

__all__ = ["add_common_options", "require_optimum"]


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Describe them."""
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="default: %(default)s")
    add("--optimum-env", type=Path, default=default_folder(), metavar="FOLDER")
    add("--work", type=Path, metavar="FOLDER", help="where checkpoints and models are written")
    add("--output", type=Path, metavar="FILE", help="save the table here, too")


def require_optimum(folder: Path) -> tuple[Path, Path]:
    """Return optimum-intel's environment and its Python; exit where it is missing."""
    environment = folder.absolute()
    python = program(environment, "python")
    if not python.is_file():
        raise SystemExit(f"{environment} is missing; try: python -m benchmarks.optimum_env")
    return environment, python
