"""A device by its name; what is written where a device is asked for."""

from collections.abc import Sequence

from ovglm.devices.device import KINDS, Device
from ovglm.errors import OvglmError

__all__ = ["AUTO", "check_name", "find_device"]

AUTO = "AUTO"


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a device, before looking at those that are here."""
    kind, dot, number = name.partition(".")
    if kind not in KINDS or (dot and not (number.isascii() and number.isdigit())):
        raise OvglmError(
            f"{name!r} is not the name of a device; the names are {', '.join(KINDS)}, "
            f"GPU.1 and so on, or {AUTO} alone",
            hint="ovglm devices",
        )


def find_device(name: str, devices: Sequence[Device]) -> Device:
    """Find a present device; GPU means the first one, GPU.0, and GPU.0 the only one, GPU."""
    by_id = {device.id: device for device in devices}
    kind, _, number = name.partition(".")
    others = [f"{kind}.0"] if not number else [kind] if number == "0" else []
    for one in (name, *others):
        if one in by_id:
            return by_id[one]
    raise OvglmError(
        f"there is no device {name} on this machine; OpenVINO sees {', '.join(by_id) or 'none'}",
        hint="ovglm devices tells why",
    )
