"""Which number formats of --precision a device calculates in."""

from ovglm.devices.device import Device
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

__all__ = ["check_precision"]

_FORMATS = {"FP32": "f32", "BF16": "bf16", "FP16": "f16"}


def check_precision(device: Device, options: RuntimeOptions) -> None:
    """Refuse a format that the device does not tell it has; plugins take another one in silence."""
    has = [ours for theirs, ours in _FORMATS.items() if theirs in device.precisions]
    if options.precision is not None and options.precision not in has:
        raise OvglmError(
            f"{device.id} ({device.name}) does not calculate in {options.precision}, but in "
            f"{' and '.join(has) or 'a format of its own'}",
            hint=f"--precision {has[0]}" if has else "leave out --precision",
        )
