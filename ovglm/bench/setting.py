"""Where a figure was made: the machine, and the versions of what ran."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import psutil

__all__ = ["machine", "versions"]

PACKAGES = ("ovglm", "openvino", "openvino-genai")


def machine() -> str:
    """Describe this machine in one line; the processor's name is the CPU device's."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} logical cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def versions() -> dict[str, str]:
    """Give the versions of the packages that make the figures, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
