"""Where a model's tower runs, which turns pictures into vectors, and what memory that takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import Footprint, show_bytes
from ovglm.devices.named import check_name, find_device
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

__all__ = ["MOST_HIDDEN", "TowerPlace", "check_vision_device", "in_one_piece", "place_tower"]

# Places of the KV cache that may be hidden, beside the context, before it is emptied.
MOST_HIDDEN = 1024
# Where a cache in one piece is full, the plugins take twice as much.
_GROWTH = 2

_KINDS = ("CPU", "GPU")
# f32 values per patch as multiples of the tower's width: 16 measured with GLM-Edge-V-2B's tower
# (2304 patches, 167 MB beside the weights).
_VALUES = 20


@dataclass(frozen=True)
class TowerPlace:
    """The tower's device, and what it takes of the memory of the text part's device.

    note: says where that is another device than the text part's.
    """

    device: Device
    footprint: Footprint
    note: str = ""


def check_vision_device(facts: ModelFacts, wanted: str | None, devices: Sequence[Device]) -> None:
    """Raise OvglmError for a --vision-device that is not here, cannot run a tower or has none."""
    if wanted is None:
        return
    if facts.vision is None:
        raise OvglmError(
            f"{facts.name} takes no pictures, so --vision-device {wanted} has no effect",
            hint="leave out --vision-device",
        )
    name = _to_name(wanted)
    if name.partition(".")[0] not in _KINDS:
        raise OvglmError(
            f"a tower runs on {' or '.join(_KINDS)}, not on {wanted!r}", "--vision-device CPU"
        )
    check_name(name)
    find_device(name, devices)


def place_tower(
    facts: ModelFacts, text_device: Device, devices: Sequence[Device], options: RuntimeOptions
) -> TowerPlace | None:
    """Choose the tower's device; None for a model of text. The wish was checked before.

    Without a wish it is the text part's device, and the CPU beside an NPU.
    Raises OvglmError where the tower does not fit into a memory of its own.
    """
    if facts.vision is None:
        return None
    beside_npu = "CPU" if text_device.kind == "NPU" else text_device.id
    name = _to_name(options.vision_device or beside_npu)
    device = text_device if name == text_device.id else find_device(name, devices)
    need = _footprint(facts)
    shares_memory = device == text_device or "discrete GPU" not in (device.type, text_device.type)
    if not shares_memory:
        _check_alone(facts, device, need)
    note = f"pictures become vectors on {device.id}" * (device != text_device)
    return TowerPlace(device, need if shares_memory else Footprint(0, 0, 0), note)


def in_one_piece(footprint: Footprint) -> Footprint:
    """Count a cache that is not in pages, with the room of what is hidden in it."""
    cache = _GROWTH * footprint.cache_per_token
    workspace = footprint.workspace + cache * MOST_HIDDEN
    return replace(footprint, cache_per_token=cache, workspace=workspace)


def _to_name(wanted: str) -> str:
    return wanted.strip().upper()


def _footprint(facts: ModelFacts) -> Footprint:
    assert facts.vision is not None  # or there would be no tower
    seen = facts.vision
    patches = (seen.image_size // seen.patch_size) ** 2
    return Footprint(facts.tower_bytes, _VALUES * patches * seen.image_hidden_size * 4, 0)


def _check_alone(facts: ModelFacts, device: Device, need: Footprint) -> None:
    """Raise OvglmError where the tower does not fit into a memory of its own."""
    free = device.memory_bytes if device.free_bytes is None else device.free_bytes
    total = need.weights + need.workspace
    if free is not None and total > free:
        raise OvglmError(
            f"the tower of {facts.name} takes {show_bytes(total)} of {device.id}, where "
            f"{show_bytes(free)} are free",
            hint="another --vision-device",
        )
