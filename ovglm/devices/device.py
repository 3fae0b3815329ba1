"""What is known of one device of this machine."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["KINDS", "Device", "DeviceType", "Kind"]

Kind = Literal["CPU", "GPU", "NPU"]
DeviceType = Literal["CPU", "integrated GPU", "discrete GPU", "NPU"]
KINDS: tuple[Kind, ...] = ("CPU", "GPU", "NPU")


@dataclass(frozen=True)
class Device:
    """A device as OpenVINO names it.

    memory_bytes: what the device can address (all of the system's memory for CPU, integrated GPU
    and NPU), free_bytes: what of it is free now; None where nothing tells.
    precisions: the number formats that it calculates in, in OpenVINO's words: FP32, BF16, FP16 …
    properties: the names that can be set. architecture: the plugin's name of the generation.
    is_emulated: an NPU whose work the CPU does.
    """

    id: str
    name: str
    type: DeviceType
    memory_bytes: int | None = None
    free_bytes: int | None = None
    driver: str | None = None
    precisions: tuple[str, ...] = ()
    properties: frozenset[str] = frozenset()
    architecture: str = ""
    is_emulated: bool = False

    @property
    def kind(self) -> Kind:
        """The plugin's name, without the number: CPU, GPU or NPU."""
        if self.type in ("integrated GPU", "discrete GPU"):
            return "GPU"
        return "NPU" if self.type == "NPU" else "CPU"
