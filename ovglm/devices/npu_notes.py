"""What a user should know of a model on an NPU, beside the rules: advice of Intel's NPU guide."""

import re

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.window import Window

__all__ = ["note_npu"]

# INT4 weights of about 5 and 7 billion parameters, at 4.6 bits each with scales and INT8 tables.
_LARGE_BYTES = 2_900_000_000
_HUGE_BYTES = 4_000_000_000
_SMALL_MEMORY = 16 << 30
_SHORT_PROMPT = 1024
_FIRST_GOOD_DRIVER = (32, 0, 100, 3104)


def note_npu(facts: ModelFacts, device: Device, window: Window) -> tuple[str, ...]:
    """List what applies to this model, device and window."""
    notes = []
    if device.is_emulated:
        notes.append("this NPU is emulated by the CPU: it shows what works, not how fast")
    if _is_grouped(facts) and facts.weights_bytes > _LARGE_BYTES:
        notes.append(
            "more than about 5 B weights usually run faster on the NPU with one scale per channel: "
            "ovglm export CHECKPOINT --device NPU --group-size -1"
        )
    if (
        facts.weights_bytes > _HUGE_BYTES
        and window.max_prompt > _SHORT_PROMPT
        and (device.memory_bytes or 0) <= _SMALL_MEMORY
    ):
        notes.append(
            f"prompts of more than {_SHORT_PROMPT} tokens may need more than 16 GB of memory with "
            "a model of this size"
        )
    if _is_old(device.driver):
        notes.append(
            f"the NPU's driver {device.driver} is older than 32.0.100.3104; where memory runs out, "
            "update it or set DISABLE_OPENVINO_GENAI_NPU_L0=1"
        )
    return tuple(notes)


def _is_grouped(facts: ModelFacts) -> bool:
    return any(label.endswith("g128") for label in facts.formats)


def _is_old(driver: str | None) -> bool:
    """Compare a Windows driver's version; a Linux driver tells only when it was built."""
    if driver is None or not re.fullmatch(r"\d+(\.\d+){3}", driver):
        return False
    return tuple(map(int, driver.split("."))) < _FIRST_GOOD_DRIVER
