"""A tiny vision checkpoint of one family and its exports: equal wishes share one."""

from pathlib import Path

from ovglm.recipe import Recipe
from ovglm.vision_facts import VisionWeights
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from tiny_vision import Layout, write_vision_checkpoint

__all__ = ["INT8", "VisionExports"]

INT8 = Recipe("int8")


class VisionExports:
    """One checkpoint and its exports, in one folder."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout: Layout = layout
        self.source = write_vision_checkpoint(folder / "source", layout)

    def export(self, recipe: Recipe = INT8, weights: VisionWeights | None = None) -> Path:
        """Export once for each wish."""
        output = self.folder / f"{recipe.name}-{weights}"
        if not output.exists():
            options = ExportOptions(verify="none", vision_weights=weights)
            export_checkpoint(self.source, output, recipe, options)
        return output
