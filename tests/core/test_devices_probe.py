"""What OpenVINO tells of this machine, and an NPU that the CPU emulates."""

import pytest

from ovglm.devices import list_devices
from ovglm.devices.probe import EMULATION_VARIABLE, name_npu_driver


@pytest.fixture(autouse=True)
def no_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EMULATION_VARIABLE, raising=False)


def test_this_machine_has_a_cpu_that_tells_its_memory_formats_and_settings() -> None:
    cpu = next(device for device in list_devices() if device.kind == "CPU")
    assert (cpu.id, cpu.type) == ("CPU", "CPU")
    assert cpu.name
    assert cpu.memory_bytes and cpu.free_bytes and 0 < cpu.free_bytes <= cpu.memory_bytes
    assert "FP32" in cpu.precisions
    assert "INFERENCE_NUM_THREADS" in cpu.properties
    assert "FULL_DEVICE_NAME" not in cpu.properties, "it can be read only"


def test_the_npu_is_emulated_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(device.is_emulated for device in list_devices())
    monkeypatch.setenv(EMULATION_VARIABLE, "1")
    *others, npu = list_devices()
    assert (npu.id, npu.kind, npu.type, npu.is_emulated) == ("NPU", "NPU", "NPU", True)
    assert all(device.kind != "NPU" for device in others)
    assert "NPU_DEFER_WEIGHTS_LOAD" in npu.properties
    assert "DYNAMIC_QUANTIZATION_GROUP_SIZE" in npu.properties, "the CPU does the work"


@pytest.mark.parametrize("value", ["0", ""])
def test_another_value_of_the_variable_emulates_nothing(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EMULATION_VARIABLE, value)
    assert not any(device.is_emulated for device in list_devices())


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1004778, "32.0.100.4778"),
        (2020298, "32.0.202.298"),
        (1738334590, "built 2025-01-31"),
    ],
)
def test_an_npu_driver_is_named_as_people_know_it(number: int, name: str) -> None:
    assert name_npu_driver(number) == name
