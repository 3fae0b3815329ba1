"""Runs an exported vision-language folder on the CPU in float32, step by step as the maths says.

The places of the vectors and the positions are written out here for both families, so that tests
do not ask the code under test where they are.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov

from ir_runner import EXACT
from tiny_vision import BEGIN_ID, END_ID, Layout

__all__ = ["compile_exact", "embed_text", "make_prompt", "run_language", "run_tower", "splice"]


def compile_exact(path: Path) -> ov.CompiledModel:
    """Compile an IR for the CPU in float32."""
    return ov.Core().compile_model(path, "CPU", EXACT)


def run_tower(folder: Path, pixels: np.ndarray, precision: str = "f32") -> np.ndarray:
    """Run the tower: pixels [B, C, S, S] in, float32 [B, vectors, H] out."""
    path = folder / "openvino_vision_embeddings_model.xml"
    told = {**EXACT, "INFERENCE_PRECISION_HINT": precision}
    compiled = ov.Core().compile_model(path, "CPU", told)
    return np.array(compiled({"pixel_values": pixels})["last_hidden_state"])


def embed_text(folder: Path, ids: Sequence[int]) -> np.ndarray:
    """Look the ids up: float32 [T, H]."""
    compiled = compile_exact(folder / "openvino_text_embeddings_model.xml")
    return np.array(compiled({"input": np.array([ids], np.int64)})["inputs_embeds"][0])


def make_prompt(layout: Layout, vectors: int, before: int = 5, behind: int = 7) -> list[int]:
    """Make token ids with the placeholder of one picture between some texts."""
    rng = np.random.default_rng(3)
    texts = [rng.integers(0, 250, count).tolist() for count in (before, behind)]
    holder = [BEGIN_ID] * vectors if layout == "glm_edge_v" else [BEGIN_ID, 264, END_ID]
    return [*texts[0], *holder, *texts[1]]


def splice(
    layout: Layout, ids: Sequence[int], embeds: np.ndarray, vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put a picture's vectors [V, H] into text [T, H]: inputs_embeds and their positions.

    GLM-Edge-V: vector n takes the place of the n-th <|begin_of_image|>, positions count on.
    GLM-4V: three tokens give way; the patches share the position behind <|begin_of_image|>.
    """
    start, count = list(ids).index(BEGIN_ID), len(vectors)
    taken = count if layout == "glm_edge_v" else 3
    whole = np.concatenate([embeds[:start], vectors, embeds[start + taken :]])
    if layout == "glm_edge_v":
        return whole, np.arange(len(whole))
    inner = [start, *[start + 1] * (count - 2), start + 2]
    rest = np.arange(start + 3, start + 3 + len(ids) - start - 3)
    return whole, np.array([*range(start), *inner, *rest])


def run_language(
    folder: Path, embeds: np.ndarray, positions: np.ndarray, chunks: Sequence[int]
) -> np.ndarray:
    """Run vectors [T, H] in chunks of the given lengths: logits [T, vocab]."""
    request = compile_exact(folder / "openvino_language_model.xml").create_infer_request()
    parts, start = [], 0
    for length in chunks:
        stop = start + length
        inputs = {
            "inputs_embeds": embeds[None, start:stop],
            "attention_mask": np.ones((1, stop), np.int64),
            "position_ids": positions[None, start:stop].astype(np.int64),
            "beam_idx": np.zeros(1, np.int32),
        }
        parts.append(np.array(request.infer(inputs)["logits"][0]))
        start = stop
    return np.concatenate(parts)
