"""Memory, disk and system of this machine, and the size of the compiled cache."""

import platform
import shutil
from pathlib import Path

import psutil

from ovglm.doctor.check import Check

__all__ = ["check_cache", "check_disk", "check_memory", "check_system"]

GIB = 1 << 30
# GLM-Edge-1.5B in INT4 with its cache and room to calculate in takes about this much.
LITTLE_MEMORY = 3 * GIB
# GLM-4-9B in INT4 is 5.5 GB, and its export needs the same again for a moment.
LITTLE_DISK = 12 * GIB


def check_system() -> Check:
    """Name the system and the Python that runs."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Check("machine", "system", "ok", f"{system}, Python {platform.python_version()}")


def check_memory(free: int | None = None, total: int | None = None) -> Check:
    """Look at the free memory, in bytes; those of this machine where they are not given."""
    found = psutil.virtual_memory()
    free = found.available if free is None else free
    total = found.total if total is None else total
    text = f"{free / GIB:.1f} of {total / GIB:.1f} GiB are free"
    if free >= LITTLE_MEMORY:
        return Check("machine", "memory", "ok", text)
    short = f"{text}: little for the smallest GLM-Edge"
    return Check("machine", "memory", "warn", short, mend="close a program")


def check_disk(folder: Path, free: int | None = None) -> Check:
    """Look at the disk that holds the store (`folder` need not exist yet)."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free if free is None else free
    text = f"{free / GIB:.1f} GiB are free for {folder}"
    if free >= LITTLE_DISK:
        return Check("machine", "disk", "ok", text)
    short = f"{text}: too little to export GLM-4-9B"
    mend = "ovglm list, then ovglm rm NAME; or set OVGLM_HOME to a folder on another disk"
    return Check("machine", "disk", "warn", short, mend=mend)


def check_cache(models: int, size: int) -> Check:
    """Tell how many compiled models are kept, and their size in bytes."""
    plural = "compiled model" if models == 1 else "compiled models"
    text = f"{models} {plural}, {size / 1e9:.2f} GB"
    return Check("machine", "compiled cache", "ok", text)
