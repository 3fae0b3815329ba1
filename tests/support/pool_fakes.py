"""Models for a pool without OpenVINO: their workers load, fail and go down when a test says so."""

from dataclasses import replace
from threading import Event

from machines import CORE_CPU, GB, model
from ovglm.devices.device import Device
from ovglm.devices.placement import MemoryNeed, Placement
from ovglm.errors import OvglmError
from ovglm.testing import FakeEngine
from ovglm_serve.model_source import ModelSource
from ovglm_serve.served_model import ServedModel, Speech
from talking import ScriptedEngine, talking_assistant

__all__ = ["PATIENCE_S", "FakeWorker", "Workers", "served", "speech"]

PATIENCE_S = 20.0


class FakeWorker(FakeEngine):
    """An engine in a process that is none."""

    def __init__(self, name: str, is_loaded: bool = True) -> None:
        super().__init__((72, 105), decode=lambda ids: bytes(ids).decode())
        self.info = replace(self.info, model=name)
        self.state = "loading"
        self.why = ""
        self.closed = Event()
        self._failure: OvglmError | None = None
        self._decided = Event()
        if is_loaded:
            self.load()

    def load(self) -> None:
        """Become ready."""
        self.state = "ready"
        self._decided.set()

    def go_down(self, error: OvglmError) -> None:
        """Fail to load, or fail for good."""
        self.state, self.why, self._failure = "down", error.message, error
        self._decided.set()

    def wait_until_loaded(self) -> None:
        """Wait for the test's decision."""
        assert self._decided.wait(PATIENCE_S)
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """End, also while it loads."""
        super().close()
        if self.state == "loading":
            self.go_down(OvglmError("the engine was closed"))
        self.closed.set()


class Workers:
    """Makes the sources of a pool, and remembers the workers that it started."""

    def __init__(self, is_instant: bool = True) -> None:
        """is_instant: workers are loaded at once; else the test does it."""
        self.made: dict[str, list[FakeWorker]] = {}
        self.started = Event()
        self.failures: dict[str, OvglmError] = {}
        self._is_instant = is_instant

    def source(self, name: str, size_gb: float = 1, device: Device = CORE_CPU) -> ModelSource:
        """Describe a model that takes so much of the device's memory."""
        placement = Placement(
            device=device,
            engine="static" if device.kind == "NPU" else "paged",
            reason="a test wants it",
            context=4096,
            max_prompt=4095,
            need=MemoryNeed(int(size_gb * GB), 0, 0),
            cache_tokens=4096,
        )
        return ModelSource(name, model(name=name), lambda: self._start(name), speech, placement)

    def count(self, name: str) -> int:
        """Count how often a model was started."""
        return len(self.made.get(name, ()))

    def __getitem__(self, name: str) -> FakeWorker:
        """Give the newest worker of a model."""
        return self.made[name][-1]

    def _start(self, name: str) -> FakeWorker:
        worker = FakeWorker(name, self._is_instant)
        if name in self.failures:
            worker.go_down(self.failures[name])
        self.made.setdefault(name, []).append(worker)
        self.started.set()
        return worker


def speech() -> Speech:
    """Give a tokenizer whose tokens are bytes, and what goes with it."""
    assistant = talking_assistant("")
    assert assistant.template is not None
    return Speech(assistant.tokenizer, assistant.template, assistant.dialect)


def served(name: str = "talker", *answers: str) -> ServedModel:
    """Make a loaded model that answers from a list."""
    one = speech()
    engine = ScriptedEngine(*(answers or ("Hello",)))
    return ServedModel(
        name, model(name=name, dialect="glm4"), engine, one.tokenizer, one.template, one.dialect
    )
