"""All checks of this machine, in the order in which a reader wants them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import RuntimeOptions
from ovglm.doctor import answers, libraries, machine
from ovglm.doctor.check import Check
from ovglm.doctor.devices import check_absence, check_device
from ovglm.doctor.models import check_model, check_unfinished
from ovglm.engine.base import Engine
from ovglm.errors import OvglmError

__all__ = ["Examination"]

Say = Callable[[str], None]
# nano is small: also an NPU compiles it in a minute
LOAD_LIMIT_S = 300.0


@dataclass
class Examination:
    """Yields checks as they are made; `default_device` is known at the end, None where none is.

    say: is told what is looked at now; an empty text while the work shows itself.
    """

    say: Say
    default_device: str | None = None

    def __iter__(self) -> Iterator[Check]:
        """Look at everything; what depends on a missing library is left out."""
        self.say("the libraries")
        found = libraries.check_libraries()
        yield from found
        yield from _check_machine()
        if any(check.state == "fail" and check.name.startswith("openvino") for check in found):
            return
        from ovglm.devices import explain_absences, list_devices

        self.say("the devices")
        devices = list_devices()
        yield from map(check_device, devices)
        yield from map(check_absence, explain_absences(devices))
        self.say("")
        nano = _prepare_nano()
        self.say("the stored models")
        yield from _check_models(devices)
        if isinstance(nano, Check):
            yield nano
        else:
            yield from self._check_answers(nano, devices)

    def _check_answers(self, nano: "_Nano", devices: Sequence[Device]) -> Iterator[Check]:
        from ovglm.devices import choose

        for device in devices:
            self.say(f"an answer from {device.id}")
            yield answers.check_answer(device, nano.load, nano.prompt_ids)
        try:
            chosen = choose(nano.facts, devices, "AUTO", RuntimeOptions())
        except OvglmError as error:
            yield Check("answers", "AUTO", "fail", error.message, mend=error.hint or "")
        else:
            self.default_device = chosen.device.id


@dataclass(frozen=True)
class _Nano:
    """The exported nano, and the ids of the question."""

    facts: ModelFacts
    prompt_ids: list[int]

    def load(self, device: Device) -> Engine:
        """Load in a process of its own, which may die or hang without the doctor."""
        from ovglm.engine.worker import WorkerSettings, start_worker

        patience = WorkerSettings(load_s=LOAD_LIMIT_S, drain_s=0.5)
        return start_worker(
            self.facts.folder,
            device.id,
            RuntimeOptions(),
            say=lambda text: None,
            settings=patience,
        )


def _check_machine() -> Iterator[Check]:
    from ovglm.compiled_cache import CompiledCache, compiled_folder
    from ovglm.store import home_folder

    yield machine.check_system()
    yield machine.check_memory()
    yield machine.check_disk(home_folder())
    compiled = CompiledCache(compiled_folder()).list()
    yield machine.check_cache(len(compiled), sum(one.size_bytes for one in compiled))


def _check_models(devices: Sequence[Device]) -> Iterator[Check]:
    from ovglm.devices import choose, read_facts
    from ovglm.stored_exports import list_stored

    def place(facts: ModelFacts, device: Device) -> object:
        return choose(facts, devices, device.id, RuntimeOptions())

    for stored in list_stored():
        if not stored.is_complete:
            yield check_unfinished(stored.name)
            continue
        try:
            yield check_model(read_facts(stored.folder), devices, place)
        except OvglmError as error:
            yield Check("models", stored.name, "fail", error.message, mend=error.hint or "")


def _prepare_nano() -> _Nano | Check:
    """Export nano where it is not yet; where that fails, say why."""
    from ovglm.devices import read_facts
    from ovglm.exporters import ensure_exported
    from ovglm.recipe import Recipe
    from ovglm.store import find_model
    from ovglm.template import ChatTemplate, encode_chat
    from ovglm.tokens import Tokenizer

    try:
        folder = ensure_exported(find_model("nano"), Recipe())
        asked = [{"role": "user", "content": answers.QUESTION}]
        ids = encode_chat(ChatTemplate.load(folder), Tokenizer.load(folder), asked)
        return _Nano(read_facts(folder), ids)
    except OvglmError as error:
        return Check("answers", "nano", "fail", error.message, mend=error.hint or "")
