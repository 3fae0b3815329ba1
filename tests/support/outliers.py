"""Tiny checkpoints with planted outlier channels, and how far an export is from another."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ir_runner import run_ir
from tiny_glm import make_tensors, write_checkpoint, write_safetensors

__all__ = ["mean_kl", "write_outlier_checkpoint"]

# One channel in 32 of what the MLP's second matrix multiplies is this much larger than the others,
# as in trained models of some size. NNCF's AWQ looks at that matrix only: the others have no
# neighbour that could take the inverse scales.
_FACTOR = 24.0
_EVERY = 32


def write_outlier_checkpoint(folder: Path, hidden: int = 256, **overrides: Any) -> Path:
    """Write a checkpoint with random weights and planted outlier channels."""
    width = 2 * hidden
    sizes = {"hidden_size": hidden, "intermediate_size": width, **overrides}
    write_checkpoint(folder, **sizes)
    tensors = make_tensors(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    for name, value in tensors.items():
        if name.endswith("gate_up_proj.weight"):
            value[width::_EVERY] *= _FACTOR
        elif name.endswith("down_proj.weight"):
            # So the planted channels count as much as the others, and not for all.
            value[:, ::_EVERY] *= _EVERY**0.5 / _FACTOR
    write_safetensors(folder / "model.safetensors", tensors)
    return folder


def mean_kl(original: Path, export: Path, ids: np.ndarray | None = None) -> float:
    """Return the mean KL(original || export) in nats over all tokens of ids [samples, tokens].

    Without ids they are random.
    """
    ids = np.random.default_rng(5).integers(0, 256, (2, 200)) if ids is None else ids
    mask, length = np.ones_like(ids), ids.shape[1]
    one, other = (
        _log_softmax(run_ir(folder, ids, mask, [length])) for folder in (original, export)
    )
    return float((np.exp(one) * (one - other)).sum(-1).mean())


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
