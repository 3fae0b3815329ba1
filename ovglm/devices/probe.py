"""Asks OpenVINO which devices this machine has, and what their plugins tell of them."""

import os
import platform
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ovglm.devices.device import Device, DeviceType
from ovglm.errors import OvglmError
from ovglm.signal_stack import kept_signal_stack

if TYPE_CHECKING:
    import openvino

__all__ = ["EMULATION_VARIABLE", "list_devices", "name_npu_driver"]

EMULATION_VARIABLE = "OVGLM_NPU_EMULATION"
_FORMATS = ("FP32", "BF16", "FP16", "INT8", "INT4")
# A Linux driver reports when it was built, in seconds; numbers of Windows drivers are smaller.
_FIRST_TIMESTAMP = 1_000_000_000


@kept_signal_stack()
def list_devices() -> tuple[Device, ...]:
    """List the CPUs, GPUs and NPUs that OpenVINO sees; virtual devices such as AUTO are not there.

    OVGLM_NPU_EMULATION=1 puts an emulated NPU in the place of a real one.
    Raises OvglmError where emulation is asked for and this OpenVINO has no NPU plugin.
    """
    import openvino

    core = openvino.Core()
    found = []
    for name in core.available_devices:
        kind = name.partition(".")[0]
        if kind == "CPU":
            found.append(_describe_cpu(core, name))
        elif kind == "GPU":
            found.append(_describe_gpu(core, name))
        elif kind == "NPU":
            found.append(_describe_npu(core, name))
    if os.environ.get(EMULATION_VARIABLE) == "1":
        cpu = next(device for device in found if device.kind == "CPU")
        found = [device for device in found if device.kind != "NPU"] + [_emulate_npu(core, cpu)]
    return tuple(found)


def _describe_cpu(core: "openvino.Core", name: str) -> Device:
    total, free = _system_memory()
    return Device(
        id=name,
        name=_ask(core, name, "FULL_DEVICE_NAME") or platform.processor() or "CPU",
        type="CPU",
        memory_bytes=total,
        free_bytes=free,
        precisions=_precisions(core, name),
        properties=_settable(core, name),
        architecture=_ask(core, name, "DEVICE_ARCHITECTURE") or "",
    )


def _describe_gpu(core: "openvino.Core", name: str) -> Device:
    """Describe a GPU; a discrete one does not tell how much of its memory others use."""
    import openvino

    is_discrete = _ask(core, name, "DEVICE_TYPE") == openvino.properties.device.Type.DISCRETE
    kind: DeviceType = "discrete GPU" if is_discrete else "integrated GPU"
    total = _ask(core, name, "GPU_DEVICE_TOTAL_MEM_SIZE")
    return Device(
        id=name,
        name=_ask(core, name, "FULL_DEVICE_NAME") or kind,
        type=kind,
        memory_bytes=total,
        free_bytes=None if is_discrete else _shared_free(total),
        precisions=_precisions(core, name),
        properties=_settable(core, name),
        architecture=_ask(core, name, "DEVICE_ARCHITECTURE") or "",
    )


def _describe_npu(core: "openvino.Core", name: str) -> Device:
    total = _ask(core, name, "NPU_DEVICE_TOTAL_MEM_SIZE")
    driver = _ask(core, name, "NPU_DRIVER_VERSION")
    return Device(
        id=name,
        name=_ask(core, name, "FULL_DEVICE_NAME") or "NPU",
        type="NPU",
        memory_bytes=total,
        free_bytes=_shared_free(total),
        driver=None if driver is None else name_npu_driver(int(driver)),
        precisions=_precisions(core, name),
        properties=_settable(core, name),
        architecture=_ask(core, name, "DEVICE_ARCHITECTURE") or "",
    )


def _emulate_npu(core: "openvino.Core", cpu: Device) -> Device:
    """Describe an NPU whose compiled parts run on the CPU; it can also be set as the CPU can."""
    if not (properties := _settable(core, "NPU")):
        raise OvglmError(
            f"{EMULATION_VARIABLE}=1 needs OpenVINO's NPU plugin, which is not on this system",
            hint="use Linux or Windows on x86_64, or unset the variable",
        )
    return Device(
        id="NPU",
        name="emulated NPU",
        type="NPU",
        memory_bytes=cpu.memory_bytes,
        free_bytes=cpu.free_bytes,
        precisions=("FP32", *_precisions(core, "NPU")),
        properties=properties | cpu.properties,
        is_emulated=True,
    )


def name_npu_driver(number: int) -> str:
    """Write NPU_DRIVER_VERSION as people know it.

    On Windows 1004778 is the driver 32.0.100.4778; on Linux it is the time of the build.
    """
    if number < _FIRST_TIMESTAMP:
        return f"32.0.{number // 10000}.{number % 10000}"
    return f"built {datetime.fromtimestamp(number, timezone.utc):%Y-%m-%d}"


def _ask(core: "openvino.Core", device: str, name: str) -> Any:
    """Return a property's value, or None where the plugin does not have or cannot tell it."""
    try:
        if name in core.get_property(device, "SUPPORTED_PROPERTIES"):
            return core.get_property(device, name)
    except RuntimeError:  # the only error that openvino has
        pass
    return None


def _settable(core: "openvino.Core", device: str) -> frozenset[str]:
    try:
        supported = core.get_property(device, "SUPPORTED_PROPERTIES")
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, access in supported.items() if access != "RO")


def _precisions(core: "openvino.Core", device: str) -> tuple[str, ...]:
    told = _ask(core, device, "OPTIMIZATION_CAPABILITIES") or ()
    return tuple(name for name in _FORMATS if name in told)


def _system_memory() -> tuple[int, int]:
    """Return the bytes of the system's memory, and those that can be had without swapping."""
    import psutil

    memory = psutil.virtual_memory()
    return memory.total, memory.available


def _shared_free(addressable: int | None) -> int:
    """Return what is free for a device that shares the system's memory."""
    free = _system_memory()[1]
    return free if addressable is None else min(free, addressable)
