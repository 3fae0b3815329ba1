"""Virtual environments for the peers we are compared with; knows none of them."""

import argparse
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "asked_folder",
    "cache_folder",
    "create",
    "pip_install",
    "program",
    "refuse_foreign_folder",
    "run",
    "say",
]


def cache_folder(name: str) -> Path:
    """Return the folder in the user's cache where an environment lives unless told otherwise."""
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "ovglm" / name


def asked_folder(description: str | None, default: Path) -> tuple[Path, bool]:
    """Read the command line of a script that makes an environment: its folder, and --force."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, default=default, help="default: %(default)s")
    parser.add_argument("--force", action="store_true", help="make it anew even if it is complete")
    asked = parser.parse_args()
    return asked.folder.absolute(), asked.force


def program(folder: Path, name: str) -> Path:
    """Return the path of a program of the environment, such as python."""
    if sys.platform == "win32":
        return folder / "Scripts" / f"{name}.exe"
    return folder / "bin" / name


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before a folder that is not a virtual environment would be emptied."""
    if folder.exists() and not folder.is_dir():
        raise SystemExit(f"{folder} is a file; give a folder with --folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise SystemExit(
            f"{folder} has files but is no virtual environment; give an empty folder with --folder"
        )


def create(folder: Path) -> None:
    """Make an empty environment, in place of one that is there."""
    say(f"Making a virtual environment in {folder}.")
    venv.EnvBuilder(clear=True, with_pip=True).create(folder)


def pip_install(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
    """Install packages into the environment; raise SystemExit where pip fails."""
    command = [str(program(folder, "python")), "-m", "pip", "install"]
    command += ["--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise SystemExit(f"pip ended with {done.returncode} while installing into {folder}")


def run(command: list[str]) -> str:
    """Run a program of an environment and return what it prints; raise SystemExit on an error."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(
            f"`{' '.join(command)}` ended with {done.returncode}\n{done.stderr[-2000:]}\n"
            "try: make the environment again with --force"
        )
    return done.stdout


def say(text: str) -> None:
    """Tell the person who waits, on stderr."""
    print(text, file=sys.stderr, flush=True)
