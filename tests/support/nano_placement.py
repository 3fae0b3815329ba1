"""Places nano by hand, for tests of engines that want no choosing."""

from collections.abc import Mapping
from pathlib import Path

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.placement import MemoryNeed, Placement
from ovglm.manifest import read_manifest

__all__ = ["EXACT", "cpu_placement", "nano_facts", "npu_placement"]

EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
_EMULATED = {
    "NPU_USE_NPUW": "YES",
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
}


def nano_facts(folder: Path) -> ModelFacts:
    """Say of nano what choosing a device would find out."""
    manifest = read_manifest(folder)
    return ModelFacts(
        name="nano", folder=folder, weights_bytes=2_073_108, layers=5, kv_heads=2, head_dim=64,
        hidden=256, vocabulary=2048, context_length=2048, stop_ids=manifest.stop_ids,
        dialect=manifest.dialect, fingerprint=manifest.files["openvino_model.bin"].sha256,
        recipe=manifest.recipe.name, golden=manifest.golden,
    )  # fmt: skip


def cpu_placement(
    properties: Mapping[str, str] | None = None, cache_tokens: int = 40_000
) -> Placement:
    """Place nano on the CPU with paged attention, or stateful with ATTENTION_BACKEND SDPA."""
    return Placement(
        device=Device("CPU", "a CPU", "CPU"),
        engine="static" if "ATTENTION_BACKEND" in (properties or {}) else "paged",
        reason="a test wants it",
        context=2048,
        max_prompt=2047,
        need=MemoryNeed(0, 0, 0),
        cache_tokens=cache_tokens,
        properties=properties or {},
    )


def npu_placement(max_prompt: int = 128, min_response: int = 64, **properties: str) -> Placement:
    """Place nano on the NPU that the CPU emulates."""
    lengths = {"MAX_PROMPT_LEN": max_prompt, "MIN_RESPONSE_LEN": min_response}
    return Placement(
        device=Device("NPU", "an emulated NPU", "NPU", is_emulated=True),
        engine="static",
        reason="a test wants it",
        context=max_prompt + min_response,
        max_prompt=max_prompt,
        need=MemoryNeed(0, 0, 0),
        cache_tokens=max_prompt + min_response,
        properties={**_EMULATED, **lengths, **properties},
    )
