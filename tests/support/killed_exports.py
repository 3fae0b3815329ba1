"""Exports in processes of their own, each killed where the test wants it; runs export_server.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ovglm.recipe import Recipe

__all__ = ["KILLED", "RECIPE", "Export", "Kill", "contents", "exports_in_processes"]

KILLED = -9
SERVER = Path(__file__).with_name("export_server.py")
# A ratio needs a look at all layers first, which has to be resumed too.
RECIPE = Recipe(ratio=0.5)

# A function or method, `module:name`; before or after it, or "torn"; and which call of it.
Kill = tuple[str, str, int] | None


class Export(Protocol):
    """Exports, and gives the exit code and the parts that were begun."""

    def __call__(
        self,
        source: Path | str,
        output: Path,
        kill: Kill = None,
        *,
        recipe: Recipe = RECIPE,
        force: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> tuple[int, list[str]]:
        """source: a folder, or the name of a hub's model, which is streamed."""
        ...


def contents(folder: Path) -> dict[str, bytes]:
    """Read all files of a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@contextmanager
def exports_in_processes(log: Path) -> Iterator[Export]:
    """Give the function while the block runs. log: a file for its own use."""
    paths = os.pathsep.join([*filter(None, sys.path)])
    server = subprocess.Popen(
        [sys.executable, SERVER],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    jobs, answers = server.stdin, server.stdout
    assert jobs and answers

    def run(
        source: Path | str,
        output: Path,
        kill: Kill = None,
        *,
        recipe: Recipe = RECIPE,
        force: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> tuple[int, list[str]]:
        log.write_text("", encoding="utf-8")
        job = {"source": str(source), "output": str(output), "kill": kill, "log": str(log)}
        job |= {"recipe": recipe.to_dict(), "force": force, "env": dict(env or {})}
        job |= {"is_remote": isinstance(source, str)}
        print(json.dumps(job), file=jobs, flush=True)
        return int(answers.readline()), log.read_text(encoding="utf-8").splitlines()

    yield run
    jobs.close()
    server.wait()
    answers.close()
