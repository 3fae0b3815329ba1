"""Measure transformers in bf16 on a GLM-Edge-V checkpoint in this process; writes a JSON object.

The checkpoint's own code is not run: transformers has the tower (SigLIP) and the text model (GLM),
and the adapter between them is written here.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from transformers import GlmForCausalLM, SiglipVisionConfig, SiglipVisionModel

from benchmarks.vision_asking import measure_asking
from benchmarks.vision_shapes import BEGIN_ID, VIT

__all__ = ["TorchModel"]

_ADAPTER = "model.vision.adapter."


class TorchModel:
    """Tower, adapter and text model in bf16."""

    def __init__(self, folder: Path) -> None:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.config: dict[str, Any] = raw["vision_config"]
        weights = _tower_weights(folder)
        self._adapter = {k: v for k, v in weights.items() if k.startswith(_ADAPTER)}
        config = SiglipVisionConfig(**self.config, vision_use_head=False)
        tower: Any = SiglipVisionModel(config)
        self._tower = tower.to(torch.bfloat16).eval()
        own = tower.state_dict()
        start = next(iter(own)).partition("embeddings")[0]
        prefix = f"{VIT}."
        told = {
            start + name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        tower.load_state_dict(told, strict=True)
        self.text: Any = GlmForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def look(self, pixels: np.ndarray) -> torch.Tensor:
        """Turn uint8 [S, S, 3] into vectors [V, H]."""
        x = torch.tensor(pixels).permute(2, 0, 1)[None].to(torch.bfloat16) / 127.5 - 1
        patches = self._tower(x).last_hidden_state
        side = int(patches.shape[1] ** 0.5)
        grid = patches.transpose(1, 2).unflatten(2, (side, side))
        get = lambda name: self._adapter[_ADAPTER + name]  # noqa: E731
        x = F.conv2d(grid, get("conv.weight"), get("conv.bias"), stride=2).flatten(2)
        x = F.linear(x.transpose(1, 2), get("linear.linear.weight"))
        norm = get("linear.norm1.weight"), get("linear.norm1.bias")
        x = F.gelu(F.layer_norm(x, x.shape[-1:], *norm))
        up = F.linear(x, get("linear.dense_h_to_4h.weight"))
        x = F.silu(F.linear(x, get("linear.gate.weight"))) * up
        x = F.linear(x, get("linear.dense_4h_to_h.weight"))
        return torch.cat([get("boi"), x, get("eoi")], 1)[0]


def _tower_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of tower and adapter."""
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    names = [name for name in index["weight_map"] if name.startswith("model.vision.")]
    found = {}
    for file in {index["weight_map"][name] for name in names}:
        with safe_open(folder / file, "pt") as opened:
            found |= {name: opened.get_tensor(name) for name in names}
    return found


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    asked = parser.parse_args()
    model = TorchModel(asked.folder)
    seconds: list[float] = []

    @torch.inference_mode()
    def ask(pixels: np.ndarray, prompt: list[int], new_tokens: int) -> Iterator[int]:
        start = perf_counter()
        vectors = model.look(pixels)
        seconds.append(perf_counter() - start)
        ids = torch.tensor(prompt)
        embeds = model.text.model.embed_tokens(ids)
        embeds[ids == BEGIN_ID] = vectors
        told: dict[str, Any] = {"inputs_embeds": embeds[None]}
        for _ in range(new_tokens):
            out = model.text(**told, use_cache=True, logits_to_keep=1)
            token = out.logits[0, -1].argmax()
            yield int(token)
            told = {"input_ids": token[None, None], "past_key_values": out.past_key_values}

    side, patch = model.config["image_size"], model.config["patch_size"]
    found = measure_asking(ask, side, (side // patch // 2) ** 2 + 2)
    found["encode_s"] = statistics.median(seconds[1:])
    asked.output.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
