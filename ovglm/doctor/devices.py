"""The devices that are here, and why the other kinds are not."""

import sys

from ovglm.devices.absent import Absence
from ovglm.devices.device import Device
from ovglm.doctor.check import Check

__all__ = ["check_absence", "check_device", "mend_for"]

GIB = 1 << 30


def check_device(device: Device) -> Check:
    """Describe a device that OpenVINO sees."""
    parts = [device.name]
    if device.type != device.kind:
        parts.append(device.type)
    if device.is_emulated:
        parts.append("emulated on the CPU")
    if device.memory_bytes is not None:
        parts.append(f"{device.memory_bytes / GIB:.1f} GiB")
    if device.driver:
        parts.append(f"driver {device.driver}")
    return Check("devices", device.id, "ok", ", ".join(parts))


def check_absence(absence: Absence) -> Check:
    """Say why a kind of device is not here; most machines lack one, so this is no fault."""
    return Check("devices", absence.kind, "note", absence.reason, mend=mend_for(absence))


def mend_for(absence: Absence, system: str = sys.platform) -> str:
    """Pick the command for one system, by default the one that runs."""
    return absence.windows if system == "win32" else absence.linux
