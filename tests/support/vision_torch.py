"""What torch computes in float32 behind a picture: the tower's reference, then transformers' GLM.

For tests only. The checkpoint is one of tiny_vision's.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tiny_glm import write_checkpoint
from tiny_vision import Layout, text_fields
from vision_reference import load_tensors, reference_vectors
from vision_runner import splice

__all__ = ["TorchVision", "read_config"]


def read_config(source: Path) -> dict[str, Any]:
    """Read a checkpoint's configuration."""
    return json.loads((source / "config.json").read_text(encoding="utf-8"))


class TorchVision:
    """The reference of one checkpoint; `scratch` takes its text part in transformers' own names."""

    def __init__(self, source: Path, layout: Layout, scratch: Path, **wishes: Any) -> None:
        """wishes: those that write_vision_checkpoint was given."""
        self._source = source
        self._layout: Layout = layout
        text = text_fields(layout) | {k: v for k, v in wishes.items() if k != "vision"}
        plain = write_checkpoint(scratch, "glm", **text)  # equal arguments give equal weights
        self._model: Any = transformers.GlmForCausalLM.from_pretrained(
            plain, dtype=torch.float32, attn_implementation="eager"
        ).eval()

    def logits(self, ids: list[int], pixels: np.ndarray) -> np.ndarray:
        """Compute the logits in all places: pixels [1, C, S, S] in, [places, vocabulary] out."""
        vectors = self._vectors(pixels)
        with torch.no_grad():
            embeds = self._model.model.embed_tokens(torch.tensor(ids)).numpy()
            whole, positions = splice(self._layout, ids, embeds, vectors)
            logits = self._model(
                inputs_embeds=torch.tensor(whole)[None],
                # Without it transformers takes equal positions for the start of another text.
                attention_mask=torch.ones(1, len(whole), dtype=torch.long),
                position_ids=torch.tensor(positions)[None],
                use_cache=False,
            ).logits
        return logits[0].numpy()

    def greedy(self, ids: list[int], pixels: np.ndarray, count: int) -> list[int]:
        """Make `count` tokens, each time from the whole text."""
        made: list[int] = []
        for _ in range(count):
            made.append(int(self.logits([*ids, *made], pixels)[-1].argmax()))
        return made

    def _vectors(self, pixels: np.ndarray) -> np.ndarray:
        config = read_config(self._source)
        return reference_vectors(config, load_tensors(self._source), pixels)[0]
