"""What a calibrated export works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovglm.recipe import Recipe
from ovglm_export.architecture import Architecture
from ovglm_export.calibrated.options import check_text
from ovglm_export.calibration import BUILTIN, check_calibration, load_calibration
from ovglm_export.checkpoint import Checkpoint

__all__ = ["CalibratedExport", "check_calibrated", "states_bytes"]

_STATE_BYTES = 2  # bf16


@dataclass(frozen=True)
class CalibratedExport:
    """What is compressed, how, and the calibration text as token ids, at least one sample."""

    checkpoint: Checkpoint
    recipe: Recipe
    samples: Sequence[Sequence[int]]

    @staticmethod
    def load(
        checkpoint: Checkpoint, recipe: Recipe, file: Path | None, folder: Path
    ) -> CalibratedExport:
        """Read the recipe's text; folder: holds the exported tokenizer.

        Raises OvglmError for a text that does not suit the recipe or the model.
        """
        source = BUILTIN if file is None else str(file)
        samples = load_calibration(source, folder, recipe.samples, recipe.sample_length)
        return CalibratedExport(checkpoint, recipe, samples)

    @property
    def follows_original(self) -> bool:
        """Tell whether the original's states run beside the compressed model's."""
        return self.recipe.quality == "best"


def check_calibrated(recipe: Recipe, file: Path | None) -> None:
    """Refuse, before anything is written, a text that cannot be read or is not the recipe's.

    file: None for the built-in set.
    """
    check_text(recipe, file)
    if recipe.is_calibrated:
        check_calibration(BUILTIN if file is None else str(file))


def states_bytes(arch: Architecture, recipe: Recipe) -> int:
    """Return the most bytes that hidden states take on the disk at once; 0 without calibration."""
    if not recipe.is_calibrated:
        return 0
    tokens = recipe.samples * recipe.sample_length
    between = arch.heads * arch.head_dim + arch.hidden_size + arch.intermediate_size
    streams = 2 if recipe.quality == "best" else 1
    return tokens * (2 * arch.hidden_size + between) * _STATE_BYTES * streams
