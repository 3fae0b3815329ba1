"""nano and nano-v behind the API on a real socket: on the CPU, and nano on an emulated NPU."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ovglm.devices import read_facts
from ovglm.devices.options import RuntimeOptions
from ovglm.engine import Engine
from ovglm.engine.load import load_engine
from ovglm.engine.worker import start_worker
from ovglm_serve.served_model import ServedModel, read_speech
from page_server import page_server

__all__ = ["nano_server", "vision_server"]


@contextmanager
def nano_server(nano: Path, home: Path) -> Iterator[str]:
    """Serve the models `nano` and `nano-npu`; give the API's address. home: for OVGLM_HOME."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("OVGLM_HOME", str(home))
        patch.setenv("OVGLM_NPU_EMULATION", "1")
        quiet: Any = {"say": lambda _: None}
        cpu = start_worker(nano, "CPU", **quiet)
        stack.callback(cpu.close)
        npu = load_engine(nano, "NPU", RuntimeOptions(context=512, max_response=128), **quiet)
        stack.callback(npu.close)
        models = _served("nano", nano, cpu), _served("nano-npu", nano, npu)
        yield stack.enter_context(page_server(*models)) + "v1"


@contextmanager
def vision_server(nano_v: Path, home: Path) -> Iterator[str]:
    """Serve `nano-v` in a worker on the CPU; give the API's address. home: for OVGLM_HOME."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("OVGLM_HOME", str(home))
        quiet: Any = {"say": lambda _: None}
        worker = start_worker(nano_v, "CPU", **quiet)
        stack.callback(worker.close)
        yield stack.enter_context(page_server(_served("nano-v", nano_v, worker))) + "v1"


def _served(name: str, folder: Path, engine: Engine) -> ServedModel:
    facts = read_facts(folder)
    speech = read_speech(folder, facts.dialect)
    return ServedModel(name, facts, engine, speech.tokenizer, speech.template, speech.dialect)
