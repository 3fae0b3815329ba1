"""From what a user wrote after --device to one device: by name, in an order, or by AUTO."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.gpu import is_intel
from ovglm.devices.named import AUTO, check_name, find_device
from ovglm.devices.options import Preference, RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.devices.placing import Models, place
from ovglm.devices.reading import read_facts
from ovglm.devices.tower import check_vision_device
from ovglm.errors import OvglmError

__all__ = ["choose"]

# AUTO's order; a device of a type that is not named here is left out.
_ORDER: dict[Preference, tuple[str, ...]] = {
    "speed": ("discrete GPU", "integrated GPU", "CPU"),
    "power": ("NPU", "integrated GPU", "CPU", "discrete GPU"),
    "memory": ("CPU", "discrete GPU", "integrated GPU"),
}


@dataclass(frozen=True)
class _Refusal:
    """A device that was left out, and the error that says why."""

    name: str
    error: OvglmError

    def __str__(self) -> str:
        return f"not on {self.name}: {self.error.message}"


def choose(
    facts: ModelFacts, devices: Sequence[Device], wanted: str, options: RuntimeOptions
) -> Placement:
    """Choose a device for a model, and say how the model is loaded onto it.

    wanted: one name (`CPU`, `GPU`, `GPU.1`, `NPU`) in any case, an ordered list of them of which
    the first that works is taken, or `AUTO`, which takes an Intel GPU or the CPU, and the NPU only
    where `options.prefer` is "power".
    Raises OvglmError where no device is left; for one name with that device's own reason.
    """
    models = Models(facts, _read_draft(options), tuple(devices))
    check_vision_device(facts, options.vision_device, devices)
    names = [part.strip().upper() for part in wanted.split(",")]
    if names == [AUTO]:
        return _choose_best(models, devices, options)
    for name in names:
        check_name(name)
    if len(names) == 1:
        return place(models, find_device(names[0], devices), options, "it was asked for")
    return _choose_first(models, devices, names, options)


def _read_draft(options: RuntimeOptions) -> ModelFacts | None:
    draft = read_facts(options.draft) if options.draft else None
    if draft and draft.vision:
        raise OvglmError(
            f"{draft.name} takes pictures, and cannot guess for another model",
            hint="a smaller model of text of the same vocabulary",
        )
    return draft


def _choose_first(
    models: Models, devices: Sequence[Device], names: Sequence[str], options: RuntimeOptions
) -> Placement:
    """Take the first of an ordered list that is here and works."""
    reason = f"the first of {','.join(names)} that works"
    refusals: list[_Refusal] = []
    for name in names:
        try:
            return _tell(place(models, find_device(name, devices), options, reason), refusals)
        except OvglmError as error:
            refusals.append(_Refusal(name, error))
    raise _none_left(models, refusals)


def _choose_best(models: Models, devices: Sequence[Device], options: RuntimeOptions) -> Placement:
    """Take the device that AUTO prefers, of those that can run the model."""
    refusals: list[_Refusal] = []
    found: list[Placement] = []
    for device in _sort(devices, options.prefer):
        reason = f"AUTO, which prefers {options.prefer}, takes the {device.type}"
        try:
            found.append(place(models, device, options, reason))
        except OvglmError as error:
            refusals.append(_Refusal(device.id, error))
    if not found:
        raise _none_left(models, refusals)
    best = min(found, key=_share_of_memory) if options.prefer == "memory" else found[0]
    return _tell(best, refusals)


def _sort(devices: Sequence[Device], prefer: Preference) -> list[Device]:
    """Order the devices that AUTO may take; GPUs of other makers are taken by name only."""
    order = _ORDER[prefer]
    usable = [one for one in devices if one.type in order and (one.kind != "GPU" or is_intel(one))]
    return sorted(usable, key=lambda one: order.index(one.type))


def _share_of_memory(placement: Placement) -> float:
    """Give the part of the device's free memory that the model takes; unknown memory comes last."""
    device = placement.device
    free = device.memory_bytes if device.free_bytes is None else device.free_bytes
    return placement.need.weights / free if free else float("inf")


def _tell(placement: Placement, refusals: Sequence[_Refusal]) -> Placement:
    """Note the devices that were left out, and why."""
    return replace(placement, notes=(*map(str, refusals), *placement.notes))


def _none_left(models: Models, refusals: Sequence[_Refusal]) -> OvglmError:
    """Give the error of the only device, or one that says every device's reason."""
    if len(refusals) == 1:
        return refusals[0].error
    told = "; ".join(map(str, refusals)) or "there is none that AUTO may take"
    return OvglmError(f"no device can run {models.main.name}: {told}", "ovglm doctor")
