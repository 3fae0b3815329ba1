"""The outcome of choosing: one device, and how the model is loaded onto it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ovglm.devices.device import Device

__all__ = ["MemoryNeed", "Placement"]


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a loaded model takes: its weights, the KV cache, and room to calculate in."""

    weights: int
    kv_cache: int
    workspace: int

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.workspace


@dataclass(frozen=True)
class Placement:
    """One device, and how the model is loaded onto it.

    reason: one sentence for the user, why this device. notes: what else it should know, such as
    devices that were left out and why. properties: for the pipeline's constructor.
    context: tokens of prompt and answer together; max_prompt: of the prompt alone.
    cache_tokens: how many tokens the KV cache of the paged engine holds in all.
    cache_dir: where compiled models are kept; None where they are not. vision_device: what turns
    pictures into vectors; None for a model of text.
    """

    device: Device
    engine: Literal["paged", "static", "vision"]
    reason: str
    context: int
    max_prompt: int
    need: MemoryNeed
    cache_tokens: int
    properties: Mapping[str, str | int] = field(default_factory=dict)
    cache_dir: Path | None = None
    notes: tuple[str, ...] = ()
    vision_device: Device | None = None
