"""From the name a user wrote to the device that runs. Knows no model."""

from ovglm.devices.probe import list_devices
from ovglm.errors import OvglmError

__all__ = ["choose_device"]

KINDS = ("CPU", "GPU", "NPU")


def choose_device(name: str) -> str:
    """Find the device called `name`, in any case, or refuse it by name."""
    wanted = name.strip().upper()
    kind, _, number = wanted.partition(".")
    if kind not in KINDS or (number and not number.isdigit()):
        raise OvglmError(
            f"{name!r} is not the name of a device; the names are {', '.join(KINDS)}",
            hint="--device CPU",
        )
    present = list_devices()
    if wanted not in {*present, *(device.partition(".")[0] for device in present)}:
        raise OvglmError(
            f"there is no device {wanted} on this machine; OpenVINO sees {', '.join(present)}",
            hint="--device CPU",
        )
    if kind != "CPU":
        raise OvglmError(
            f"device {wanted} is here, but this version runs models on the CPU only",
            hint="--device CPU",
        )
    return wanted
