"""Which devices there are, and which of them runs a model. Never picks another one in silence."""

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
