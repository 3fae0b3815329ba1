"""On which devices each stored model can run, and why not on the others."""

from collections.abc import Callable, Sequence

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.doctor.check import Check
from ovglm.errors import OvglmError

__all__ = ["Place", "check_model", "check_unfinished"]

Place = Callable[[ModelFacts, Device], object]


def check_model(facts: ModelFacts, devices: Sequence[Device], place: Place) -> Check:
    """Try each device on paper; a kind that is not here is judged by the recipe alone.

    place: puts a model on a device without running it; raises OvglmError that says why it cannot.
    """
    runs: list[str] = []
    details: list[str] = []
    for device in devices:
        try:
            place(facts, device)
        except OvglmError as error:
            details.append(f"not on {device.id}: {error.message}")
        else:
            runs.append(device.id)
    absent = {kind: why for kind, why in facts.illegal.items() if kind not in _kinds(devices)}
    details += [f"not on any {kind}: {why}" for kind, why in absent.items() if why]
    if fitting := [kind for kind, why in absent.items() if not why]:
        details.append(f"its recipe fits {' and '.join(fitting)}, too")
    return Check(
        "models",
        facts.name,
        "ok" if runs else "warn",
        f"{facts.recipe}, {_size(facts)}, runs on {', '.join(runs) or 'no device of this machine'}",
        tuple(details),
        facts.mend if any(facts.illegal.values()) else "",
    )


def check_unfinished(name: str) -> Check:
    """Say that a folder of the store holds only a part of an export."""
    text = "its export was not finished, and the same command goes on with it"
    return Check("models", name, "warn", text, mend=f"ovglm rm {name}")


def _kinds(devices: Sequence[Device]) -> set[str]:
    return {device.kind for device in devices}


def _size(facts: ModelFacts) -> str:
    megabytes = facts.weights_bytes / 1e6
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
