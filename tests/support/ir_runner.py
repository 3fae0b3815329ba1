"""Runs an exported model on the CPU in float32, as a decoder does it: prompt, then tokens."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov

__all__ = ["EXACT", "positions_of", "run_ir"]

# The cache precision that an export asks for (f16 beside bf16 weights) is no part of its graph.
EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}


def positions_of(mask: np.ndarray, first: int = 0) -> np.ndarray:
    """Count positions from the first token that is not padding."""
    return np.maximum(np.cumsum(mask, axis=1) - 1, 0) + first


def run_ir(
    folder: Path,
    ids: np.ndarray,
    mask: np.ndarray,
    chunks: Sequence[int],
    *,
    beams: Sequence[int] = (),
    first: int = 0,
) -> np.ndarray:
    """Run ids [B, T] in chunks of the given lengths; returns the logits [B, T, vocab].

    beams: the beam_idx of the last chunk; without it the rows stay where they are.
    first: the position of the first token.
    """
    compiled = ov.Core().compile_model(folder / "openvino_model.xml", "CPU", EXACT)
    request = compiled.create_infer_request()
    positions, parts, start = positions_of(mask, first), [], 0
    for length in chunks:
        stop = start + length
        is_last = stop == ids.shape[1]
        order = list(beams) if beams and is_last else list(range(ids.shape[0]))
        inputs = {
            "input_ids": ids[:, start:stop],
            "attention_mask": mask[:, :stop],
            "position_ids": positions[:, start:stop],
            "beam_idx": np.array(order, np.int32),
        }
        parts.append(np.array(request.infer(inputs)["logits"]))
        start = stop
    return np.concatenate(parts, axis=1)
