"""Compiles a finished export for a device of this machine, so that its first load is quick, too."""

from pathlib import Path

from ovglm.errors import ExportError
from ovglm.recipe import DEVICES

__all__ = ["check_compile", "compile_for"]


def check_compile(device: str) -> None:
    """Refuse, before the export, to compile for no device in particular or for an absent one."""
    from ovglm.devices import list_devices

    if device not in DEVICES:
        raise ExportError("--compile needs the device to compile for", "--device NPU --compile")
    present = list_devices()
    if all(one.kind != device for one in present):
        names = ", ".join(one.id for one in present)
        raise ExportError(
            f"--compile needs the {device} here; OpenVINO sees {names}",
            "leave out --compile here: the first load on the other machine compiles",
        )


def compile_for(folder: Path, device: str) -> str:
    """Load the export once, which leaves the compiled model in the store; say what was done."""
    from ovglm.engine.load import load_engine

    engine = load_engine(folder, device)
    info = engine.info
    engine.close()
    if info.cache == "off":
        return f"loads on {info.device} in {info.load_s:.1f} s; nothing to keep compiled there"
    return f"compiled for {info.device} in {info.load_s:.1f} s and kept for the next load"
