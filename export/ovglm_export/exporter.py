"""The export as core calls it, found by its entry point: plain arguments instead of options."""

from pathlib import Path

from ovglm.progress import Progress
from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint

__all__ = ["export_model"]


def export_model(
    source: Path, output: Path, recipe: Recipe, *, name: str, progress: Progress
) -> None:
    """Export a checkpoint folder; `name` is what the manifest calls the model."""
    export_checkpoint(source, output, recipe, ExportOptions(name=name, progress=progress))
