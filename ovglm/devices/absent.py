"""Why a machine may have no GPU or NPU for OpenVINO, and the command that mends it.

Looks at device nodes and driver files; it opens no device and knows no OpenVINO.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovglm.devices.device import Device, Kind

__all__ = ["Absence", "explain_absences"]


@dataclass(frozen=True)
class Absence:
    """A kind of device that is not here, the likely reason, and what to do on each system."""

    kind: Kind
    reason: str
    linux: str
    windows: str


@dataclass(frozen=True)
class _Kind:
    """Where Linux shows a kind of device, and how its driver is installed.

    module: the kernel's driver. driver_files: one of them is there where the user-mode driver is.
    """

    kind: Kind
    nodes: str
    sysfs: str
    module: str
    driver_files: tuple[str, ...]
    install: str
    reinstall: str
    windows: str


_INTEL = "0x8086"
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")
_GPU = _Kind(
    kind="GPU",
    nodes="dev/dri/renderD*",
    sysfs="sys/class/drm",
    module="i915 || sudo modprobe xe",
    driver_files=("etc/OpenCL/vendors/*intel*.icd",),
    install="sudo apt install intel-opencl-icd",
    reinstall="sudo apt install --reinstall intel-opencl-icd && clinfo -l",
    windows="winget install Intel.IntelDriverAndSupportAssistant",
)
_NPU = _Kind(
    kind="NPU",
    nodes="dev/accel/accel*",
    sysfs="sys/class/accel",
    module="intel_vpu",
    driver_files=tuple(f"{folder}/libze_intel_[nv]pu.so*" for folder in _LIBRARIES),
    install="sudo apt install ./*.deb, with the packages of "
    "https://github.com/intel/linux-npu-driver/releases",
    reinstall="dmesg | grep intel_vpu, then install the driver of "
    "https://github.com/intel/linux-npu-driver/releases again",
    windows="winget install Intel.IntelDriverAndSupportAssistant, or the driver of "
    "https://www.intel.com/content/www/us/en/download/794734/intel-npu-driver-windows.html",
)


def explain_absences(
    devices: Sequence[Device], root: Path = Path("/"), system: str = sys.platform
) -> tuple[Absence, ...]:
    """Explain, for GPU and NPU, why `devices` holds none.

    root: the folder that holds dev, sys, etc and usr. system: as in sys.platform.
    """
    present = {device.kind for device in devices}
    absent = [kind for kind in (_GPU, _NPU) if kind.kind not in present]
    if system == "win32":
        return tuple(_explain_on_windows(kind) for kind in absent)
    return tuple(_explain_on_linux(kind, root) for kind in absent)


def _explain_on_windows(kind: _Kind) -> Absence:
    reason = f"the machine has no Intel {kind.kind}, or its driver is missing or too old"
    return Absence(kind.kind, reason, kind.install, kind.windows)


def _explain_on_linux(kind: _Kind, root: Path) -> Absence:
    """Name the first thing that is missing: node, Intel device, permission, driver."""
    nodes = sorted(root.glob(kind.nodes))
    reason, mend = "", ""
    if not nodes:
        reason = f"there is no /{kind.nodes}: the machine has no {kind.kind}, its kernel driver "
        reason += "is not loaded, or a container hides it"
        mend = f"sudo modprobe {kind.module}; for a container: --device {_folder(kind)}"
    elif not (ours := [node for node in nodes if _is_intel(root / kind.sysfs / node.name)]):
        reason = f"{_shown(nodes[0], root)} is not Intel's, and OpenVINO runs on Intel {kind.kind}s"
        mend = "ovglm devices, on a machine with one"
    elif not (open_ones := [node for node in ours if os.access(node, os.R_OK | os.W_OK)]):
        reason = f"you have no permission on {_shown(ours[0], root)}"
        mend = 'sudo usermod -aG render "$USER", then log in again'
    elif not any(any(root.glob(pattern)) for pattern in kind.driver_files):
        reason = f"{_shown(open_ones[0], root)} is there, but no driver that OpenVINO could use"
        mend = kind.install
    else:
        reason = f"the driver is installed, but opens no {kind.kind}: it may be too old"
        mend = kind.reinstall
    return Absence(kind.kind, reason, mend, kind.windows)


def _is_intel(entry: Path) -> bool:
    """Look up the vendor; a device whose vendor cannot be read may be Intel's."""
    file = entry / "device" / "vendor"
    return not file.is_file() or file.read_text(encoding="ascii").strip() == _INTEL


def _shown(node: Path, root: Path) -> str:
    return f"/{node.relative_to(root).as_posix()}"


def _folder(kind: _Kind) -> str:
    return "/" + kind.nodes.rpartition("/")[0]
