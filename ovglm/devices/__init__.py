"""Which devices there are, and which of them runs a model. Never picks another one in silence.

The package can be called: `ovglm.devices()` of the Python API is `list_devices()`.
"""

import sys
from types import ModuleType

from ovglm.devices.absent import Absence, explain_absences
from ovglm.devices.choice import choose
from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.devices.probe import list_devices
from ovglm.devices.reading import read_facts

__all__ = [
    "Absence",
    "Device",
    "ModelFacts",
    "Placement",
    "RuntimeOptions",
    "choose",
    "explain_absences",
    "list_devices",
    "read_facts",
]


class _Callable(ModuleType):
    """This package, whose name is also that of a function of the Python API."""

    def __call__(self) -> tuple[Device, ...]:
        """List the devices of this machine."""
        return list_devices()


sys.modules[__name__].__class__ = _Callable
