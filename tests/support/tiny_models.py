"""Exports of tiny models by what was asked for: equal wishes are fulfilled by one export."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ovglm.recipe import Recipe
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from tiny_glm import write_checkpoint

__all__ = ["TinyModels"]

FLOAT = Recipe("bf16")


class TinyModels:
    """Checkpoints and their exports in one folder, by what was asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Path] = {}
        self._count = itertools.count()

    def checkpoint(self, layout: str = "glm", **wishes: Any) -> Path:
        """Write a checkpoint; the wishes are those of write_checkpoint."""
        key = repr((layout, sorted(wishes.items())))
        return self._remember(key, lambda folder: write_checkpoint(folder, layout, **wishes))

    def export(
        self,
        layout: str = "glm",
        recipe: Recipe = FLOAT,
        *,
        verify: Literal["none", "quick"] = "none",
        **wishes: Any,
    ) -> Path:
        """Export a checkpoint; few tests look at the verification, which a user gets by default."""
        source = self.checkpoint(layout, **wishes)
        key = repr((source, recipe, verify))
        options = ExportOptions(verify=verify)
        return self._remember(
            key, lambda folder: export_checkpoint(source, folder, recipe, options)
        )

    def _remember(self, key: str, make: Callable[[Path], object]) -> Path:
        if key not in self._known:
            folder = self._folder / f"{next(self._count):03d}"
            make(folder)
            self._known[key] = folder
        return self._known[key]
