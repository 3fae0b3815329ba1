"""Exports in forked children and kills each where it is told to, for the tests of resume.

Reads one job a line from stdin as JSON and answers with one line: how the child ended. All slow
imports happen once. Runs where there is fork; no part of it is in the product.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openvino

from ovglm.errors import OvglmError
from ovglm.hub import find_remote
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.spool import Spool
from ovglm_export.streaming import stream_checkpoint


def serve() -> None:
    """Answer until stdin ends."""
    # What the export imports late is imported here, once for all children.
    for module in ("transformers", "openvino_tokenizers", "huggingface_hub"):
        importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def run(job: dict[str, Any]) -> None:
    """Export; exit with 0, or 1 for an OvglmError, unless the job's kill comes first."""
    log_parts(Path(job["log"]))
    if job["kill"]:
        plant(*job["kill"])
    options = ExportOptions(force=job["force"])
    output, recipe = Path(job["output"]), Recipe(**job["recipe"])
    os.environ.update(job["env"])
    try:
        if job["is_remote"]:
            stream_checkpoint(find_remote(job["source"]), output, recipe, options)
        else:
            export_checkpoint(Path(job["source"]), output, recipe, options)
    except OvglmError as error:
        with Path(job["log"]).open("a", encoding="utf-8") as log:
            log.write(f"refused: {error.message}\n")
        os._exit(1)
    os._exit(0)


def log_parts(path: Path) -> None:
    """Write down each part that is made."""
    save = Spool.save

    def logged(self: Spool, name: str, model: openvino.Model) -> None:
        with path.open("a", encoding="utf-8") as log:
            log.write(name + "\n")
        save(self, name, model)

    Spool.save = logged


def plant(target: str, when: str, count: int) -> None:
    """Kill this process at the count-th call of target, `module:function` or `module:class.method`.

    when: before or after the call, or "torn": after it, with the file it wrote cut in half.
    """
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    setattr(owner, name, deadly(getattr(owner, name), when, count))


def deadly(function: Callable[..., Any], when: str, count: int) -> Callable[..., Any]:
    """Wrap a function."""
    left = count

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            die()
        result = function(*args, **kwargs)
        if left == 0:
            if when == "torn":
                tear(args)
            die()
        return result

    return wrapped


def tear(args: tuple[Any, ...]) -> None:
    """Cut the files that a call wrote: save_model(model, x.xml) or write_manifest(folder, m)."""
    folder = next(arg for arg in args if isinstance(arg, Path))
    files = [folder, folder.with_suffix(".bin")] if folder.suffix else [folder / "ovglm.json"]
    for file in files:
        os.truncate(file, file.stat().st_size // 2)


def die() -> None:
    """End at once, as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve()
