"""`import ovglm` is cheap, and everything the API promises is there, with its types."""

import inspect
import json
import subprocess
import sys

import pytest

import ovglm
from ovglm import api
from ovglm.errors import OvglmError


def _modules_after(code: str) -> set[str]:
    command = f"import sys; before = set(sys.modules); {code}; import json; "
    command += "print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_ovglm_loads_nothing_but_the_standard_library() -> None:
    loaded = _modules_after("import ovglm")
    assert {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names} == {
        "ovglm",
        "openvino_telemetry",
    }


@pytest.mark.parametrize("name", ["ovglm.load", "ovglm.Message", "ovglm.Recipe", "ovglm.devices"])
def test_naming_a_part_loads_no_runtime(name: str) -> None:
    heavy = {"openvino", "openvino_genai", "numpy", "tokenizers", "jinja2", "rich", "psutil"}
    assert not heavy & _modules_after(f"import ovglm; {name}")


def test_all_names_are_there_and_listed() -> None:
    for name in ovglm.__all__:
        assert getattr(ovglm, name) is not None
        assert name in dir(ovglm)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = ovglm.lode  # pyright: ignore[reportAttributeAccessIssue]


def test_devices_is_a_function_and_still_a_package() -> None:
    from ovglm.devices import list_devices

    assert [one.id for one in ovglm.devices()] == [one.id for one in list_devices()]
    assert ovglm.OvglmError is OvglmError


@pytest.mark.parametrize("name", api.__all__)
def test_a_function_is_annotated_and_says_what_it_raises(name: str) -> None:
    function = getattr(api, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not one.empty for one in signature.parameters.values())
    assert name == "devices" or "Raises" in (inspect.getdoc(function) or "")
