"""The miniature GLMs that ship with the package: where their checkpoints lie, nothing else."""

from __future__ import annotations

from pathlib import Path

__all__ = ["checkpoint_folder"]


def checkpoint_folder(name: str = "nano") -> Path:
    """Return the folder with config, weights, tokenizer and chat template of nano or nano-v."""
    return Path(__file__).resolve().parents[1] / name.replace("-", "_")
