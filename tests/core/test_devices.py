"""From the name of a device to the device that runs."""

import pytest

from ovglm.devices import choice, choose_device
from ovglm.errors import OvglmError


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a CPU, two GPUs and no NPU."""
    monkeypatch.setattr(choice, "list_devices", lambda: ["CPU", "GPU.0", "GPU.1"])


def test_this_machine_has_a_cpu() -> None:
    assert choose_device("CPU") == "CPU"


@pytest.mark.usefixtures("laptop")
def test_the_case_of_a_name_does_not_matter() -> None:
    assert choose_device(" cpu") == "CPU"


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize("name", ["NPU", "GPU.2", "CPU.1"])
def test_an_absent_device_is_refused_by_name_with_those_present(name: str) -> None:
    with pytest.raises(OvglmError, match=rf"no device {name} .*CPU, GPU\.0, GPU\.1"):
        choose_device(name)


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize("name", ["TPU", "", "AUTO", "GPU.one", "../CPU"])
def test_what_is_no_name_of_a_device_is_refused(name: str) -> None:
    with pytest.raises(OvglmError, match="is not the name of a device"):
        choose_device(name)


@pytest.mark.usefixtures("laptop")
@pytest.mark.parametrize("name", ["GPU", "GPU.1"])
def test_a_present_device_without_an_engine_is_refused_not_replaced(name: str) -> None:
    with pytest.raises(OvglmError, match=f"device {name} is here, but"):
        choose_device(name)
