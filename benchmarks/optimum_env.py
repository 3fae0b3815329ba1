"""Make the virtual environment in which optimum-intel can export `glm`; needs Python and pip only.

optimum-intel asks for torchvision, which breaks transformers beside a CPU build of torch and is
not needed, so it goes in without its dependencies. On plain Linux pip takes a CUDA build of torch
(about 3 GB) unless PIP_EXTRA_INDEX_URL names PyTorch's index of CPU builds.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["REQUIREMENTS", "WITHOUT_DEPENDENCIES", "default_folder", "make", "program"]

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = (
    "torch==2.13.0",
    "openvino",
    "openvino-genai",
    "openvino-tokenizers",
    "nncf",
    "transformers==4.57.6",
    "huggingface-hub<1",
    "accelerate",
)
WITHOUT_DEPENDENCIES = ("optimum-intel==2.2.0", "optimum==2.3.0")
STAMP = "ovglm_optimum_env.txt"


def default_folder() -> Path:
    """Return the folder in the user's cache where the environment lives unless told otherwise."""
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "ovglm" / "optimum_env"


def program(folder: Path, name: str) -> Path:
    """Return the path of a program of the environment, such as python or optimum-cli."""
    if sys.platform == "win32":
        return folder / "Scripts" / f"{name}.exe"
    return folder / "bin" / name


def make(folder: Path, *, checkout: Path = ROOT, force: bool = False) -> bool:
    """Make the environment unless it is there already; return whether anything was installed.

    `checkout` is installed as an editable package, so that `ovglm export --exporter optimum`
    runs there. Raises SystemExit where the folder is something else or pip fails.
    """
    wanted = _stamp_text(checkout)
    stamp = folder / STAMP
    found = stamp.read_text(encoding="utf-8") if stamp.is_file() else ""
    if not force and found == wanted:
        _check(folder)
        _say(f"{folder} is up to date; nothing to do.")
        return False
    _refuse_foreign_folder(folder)
    if force or found.splitlines()[:1] != wanted.splitlines()[:1]:
        _say(f"Making a virtual environment in {folder}.")
        venv.EnvBuilder(clear=True, with_pip=True).create(folder)
    else:
        _say(f"Updating {folder}.")
        stamp.unlink()  # an update that is cut short counts as no environment
    _say(f"Installing {', '.join(REQUIREMENTS)} and ovglm from {checkout}.")
    _pip(folder, *REQUIREMENTS, "-e", str(checkout))
    _say(f"Installing {', '.join(WITHOUT_DEPENDENCIES)} without their dependencies.")
    _pip(folder, "--no-deps", *WITHOUT_DEPENDENCIES)
    _check(folder)
    _check_imports(folder)
    stamp.write_text(wanted, encoding="utf-8")
    _say(f"Ready: {program(folder, 'optimum-cli')}")
    return True


def _stamp_text(checkout: Path) -> str:
    """Return what decides the environment's content: the first line is its Python."""
    pyproject = checkout / "pyproject.toml"
    if not pyproject.is_file():
        raise SystemExit(f"optimum_env: {checkout} is not a checkout: it has no pyproject.toml")
    digest = hashlib.sha256(pyproject.read_bytes()).hexdigest()
    python = f"python {sys.version_info.major}.{sys.version_info.minor}"
    lines = (python, *REQUIREMENTS, *WITHOUT_DEPENDENCIES, str(checkout), digest)
    return "\n".join(lines) + "\n"


def _refuse_foreign_folder(folder: Path) -> None:
    """Stop before a folder that is not a virtual environment would be emptied."""
    if folder.exists() and not folder.is_dir():
        raise SystemExit(f"optimum_env: {folder} is a file; give a folder with --folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise SystemExit(
            f"optimum_env: {folder} has files but is no virtual environment; "
            "give an empty folder with --folder"
        )


def _pip(folder: Path, *arguments: str) -> None:
    python = str(program(folder, "python"))
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, *arguments], check=False)
    if done.returncode != 0:
        raise SystemExit(f"optimum_env: pip ended with {done.returncode} while installing")


def _check(folder: Path) -> None:
    """Prove that the exporter's command answers."""
    command = [str(program(folder, "optimum-cli")), "export", "openvino", "--help"]
    if "--weight-format" not in _output_of(command):
        raise SystemExit(f"optimum_env: `{' '.join(command)}` knows no --weight-format")


def _check_imports(folder: Path) -> None:
    """Prove that everything an export imports is there; a few seconds, so only once."""
    lines = "import optimum.exporters.openvino, optimum.intel, transformers as t; t.GlmForCausalLM"
    _output_of([str(program(folder, "python")), "-c", lines])


def _output_of(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(
            f"optimum_env: `{' '.join(command)}` ended with {done.returncode}\n"
            f"{done.stderr[-2000:]}\ntry: the same command with --force"
        )
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Make the environment that the command line asks for and print its folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=default_folder(), help="default: %(default)s"
    )
    parser.add_argument("--force", action="store_true", help="make it anew even if it is complete")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    make(folder, force=arguments.force)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
