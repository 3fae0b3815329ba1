"""The miniature GLM that ships with the package: where its checkpoint lies, nothing else."""

from __future__ import annotations

from pathlib import Path

__all__ = ["checkpoint_folder"]


def checkpoint_folder() -> Path:
    """Return the folder with the miniature's config, weights, tokenizer and chat template."""
    return Path(__file__).resolve().parent
