"""Make the virtual environment of llama-cpp-python, built here from its source package.

Needs a C++ compiler; the build takes minutes and uses every instruction of this processor.
"""

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

__all__ = ["REQUIREMENTS", "default_folder", "make"]

# The `server` extra would be built anew with its package; these are what it names.
_SERVER = ("fastapi", "pydantic-settings", "sse-starlette", "starlette-context", "uvicorn")
REQUIREMENTS = ("llama-cpp-python==0.3.36", "gguf", *_SERVER)
STAMP = "ovglm_llama_env.txt"


def default_folder() -> Path:
    """Return the folder in the user's cache where the environment lives unless told otherwise."""
    return cache_folder("llama_env")


def make(folder: Path, *, force: bool = False) -> bool:
    """Make the environment unless it is there already; return whether anything was installed.

    Raises SystemExit where the folder is something else or pip fails.
    """
    stamp, wanted = folder / STAMP, "\n".join(REQUIREMENTS)
    if not force and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        say(f"{folder} is up to date; nothing to do.")
        return False
    refuse_foreign_folder(folder)
    create(folder)
    say(f"Building {', '.join(REQUIREMENTS)}; this takes minutes.")
    pip_install(
        folder,
        "--no-binary=llama-cpp-python",
        *REQUIREMENTS,
        env={"CMAKE_ARGS": "-DGGML_NATIVE=ON"},
    )
    run([str(program(folder, "python")), "-c", "import llama_cpp.server.app, gguf"])
    stamp.write_text(wanted, encoding="utf-8")
    return True


def main() -> int:
    """Make the environment that the command line asks for and print its folder."""
    folder, force = asked_folder(__doc__, default_folder())
    make(folder, force=force)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
