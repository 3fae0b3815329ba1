"""Made pictures and prompts for tests of the engine that sees, and what it answers."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ovglm.devices.options import RuntimeOptions
from ovglm.engine.base import Engine
from ovglm.engine.load import load_engine
from ovglm.engine.vision.engine import VisionEngine
from ovglm.messages import Chunk, Sampling
from ovglm.pictures import Picture
from ovglm.vision_facts import VisionFacts

__all__ = ["EXACT", "ask", "ids_of", "load_vision", "make_picture"]

# What makes the CPU calculate in float32 throughout, as a user asks for it.
EXACT = RuntimeOptions(
    precision="f32", kv_cache="f32", properties=(("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"),)
)


def make_picture(facts: VisionFacts, seed: int = 0) -> Picture:
    """Make a picture of noise as the tower sees it."""
    shape = (facts.image_size, facts.image_size, facts.channels)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return Picture(pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), shape[:2])


def load_vision(folder: Path, options: RuntimeOptions = EXACT, device: str = "CPU") -> VisionEngine:
    """Load an exported folder in this process."""
    engine = load_engine(folder, device, options, say=lambda text: None)
    assert isinstance(engine, VisionEngine)
    return engine


def ask(engine: Engine, ids: list[int], *pictures: Picture, **sampling: Any) -> list[Chunk]:
    """Ask, greedily and without an end unless told, and wait for all chunks."""
    told = Sampling(**{"max_new_tokens": 12, "ignore_eos": True, **sampling})
    return list(engine.submit(ids, told, pictures))


def ids_of(chunks: list[Chunk], index: int = 0) -> list[int]:
    """Give the tokens of one of the answers."""
    return [token for one in chunks if one.index == index for token in one.token_ids]
