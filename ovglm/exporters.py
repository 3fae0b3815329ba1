"""Turns a checkpoint into an exported folder of the store. Core knows exporters by name only."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from ovglm import manifest
from ovglm.errors import OvglmError
from ovglm.progress import Progress, show_progress
from ovglm.recipe import Recipe
from ovglm.store import Model, export_folder

__all__ = ["GROUP", "Exporter", "ensure_exported", "export_into", "find_exporter"]

GROUP = "ovglm.exporters"


class Exporter(Protocol):
    """Writes an exported folder."""

    def __call__(
        self, source: Path, output: Path, recipe: Recipe, *, name: str, progress: Progress
    ) -> None:
        """Export the checkpoint in `source` to `output`; `name` goes into the manifest."""
        ...


def find_exporter(name: str = "native") -> Exporter:
    """Find an exporter by its name."""
    for point in entry_points(group=GROUP, name=name):
        return point.load()
    raise OvglmError(
        f"there is no exporter {name!r} in this installation",
        hint="pip install --force-reinstall ovglm",
    )


def ensure_exported(model: Model, recipe: Recipe) -> Path:
    """Give the exported folder of `model`; export it first, and say so on stderr, where needed."""
    if model.is_exported:
        return model.folder
    output = export_folder(model, recipe)
    if not (output / manifest.FILE_NAME).is_file():
        print(f"{model.name} is not exported yet: exporting it into {output}", file=sys.stderr)
        export_into(model, output, recipe)
    return output


def export_into(model: Model, output: Path, recipe: Recipe) -> Path:
    """Export `model` to a folder, drawing a bar per stage, and give that folder."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with show_progress() as progress:
        find_exporter()(model.folder, output, recipe, name=model.name, progress=progress)
    return output
