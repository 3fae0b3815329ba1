"""How much memory is left for one more model, beside those that are loaded already."""

from collections.abc import Iterable

from ovglm.devices.device import Device
from ovglm.devices.placement import Placement

__all__ = ["free_bytes", "shares_memory"]

_OWN_MEMORY = "discrete GPU"


def shares_memory(one: Device, other: Device) -> bool:
    """Say whether two devices take from the same memory: all do but discrete GPUs."""
    if _OWN_MEMORY in (one.type, other.type):
        return one.id == other.id
    return True


def free_bytes(device: Device, loaded: Iterable[Placement]) -> int | None:
    """Give what is left for a model on `device`; None where nothing tells.

    loaded: where the loaded models are. They take memory as their caches fill, so what the system
    calls free now is not all free; and it knows of other programs, so their needs are not all.
    """
    taken = sum(one.need.total for one in loaded if shares_memory(one.device, device))
    if device.type == _OWN_MEMORY:
        return None if device.memory_bytes is None else device.memory_bytes - taken
    import psutil

    system = psutil.virtual_memory()
    left = min(system.available, system.total - taken)
    return left if device.memory_bytes is None else min(left, device.memory_bytes)
