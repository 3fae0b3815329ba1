"""Which devices there are and which one a name means. Never picks another one."""

from ovglm.devices.choice import choose_device

__all__ = ["choose_device"]
