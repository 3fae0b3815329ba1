"""Make the virtual environment in which optimum-intel can export `glm`; needs Python and pip only.

optimum-intel asks for torchvision, which breaks transformers beside a CPU build of torch and is
not needed, so it goes in without its dependencies. On plain Linux pip takes a CUDA build of torch
(about 3 GB) unless PIP_EXTRA_INDEX_URL names PyTorch's index of CPU builds.
"""

import hashlib
import sys
from pathlib import Path

from benchmarks.venvs import (
    asked_folder,
    cache_folder,
    create,
    pip_install,
    program,
    refuse_foreign_folder,
    run,
    say,
)

__all__ = ["REQUIREMENTS", "WITHOUT_DEPENDENCIES", "default_folder", "make"]

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
    return cache_folder("optimum_env")


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
        say(f"{folder} is up to date; nothing to do.")
        return False
    refuse_foreign_folder(folder)
    if force or found.splitlines()[:1] != wanted.splitlines()[:1]:
        create(folder)
    else:
        say(f"Updating {folder}.")
        stamp.unlink()  # an update that is cut short counts as no environment
    say(f"Installing {', '.join(REQUIREMENTS)} and ovglm from {checkout}.")
    pip_install(folder, *REQUIREMENTS, "-e", str(checkout))
    say(f"Installing {', '.join(WITHOUT_DEPENDENCIES)} without their dependencies.")
    pip_install(folder, "--no-deps", *WITHOUT_DEPENDENCIES)
    _check(folder)
    _check_imports(folder)
    stamp.write_text(wanted, encoding="utf-8")
    say(f"Ready: {program(folder, 'optimum-cli')}")
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


def _check(folder: Path) -> None:
    """Prove that the exporter's command answers."""
    command = [str(program(folder, "optimum-cli")), "export", "openvino", "--help"]
    if "--weight-format" not in run(command):
        raise SystemExit(f"optimum_env: `{' '.join(command)}` knows no --weight-format")


def _check_imports(folder: Path) -> None:
    """Prove that everything an export imports is there; a few seconds, so only once."""
    lines = "import optimum.exporters.openvino, optimum.intel, transformers as t; t.GlmForCausalLM"
    run([str(program(folder, "python")), "-c", lines])


def main() -> int:
    """Make the environment that the command line asks for and print its folder."""
    folder, force = asked_folder(__doc__, default_folder())
    make(folder, force=force)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
