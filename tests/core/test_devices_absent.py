"""Why GPU and NPU are absent, from trees of device nodes that the tests build."""

import os
from pathlib import Path

import pytest

from machines import ARC, CORE_CPU, LUNAR_NPU
from ovglm.devices import Absence, explain_absences

NODES = {"GPU": "dev/dri/renderD128", "NPU": "dev/accel/accel0"}
VENDORS = {
    "GPU": "sys/class/drm/renderD128/device/vendor",
    "NPU": "sys/class/accel/accel0/device/vendor",
}
DRIVERS = {
    "GPU": "etc/OpenCL/vendors/intel.icd",
    "NPU": "usr/lib/x86_64-linux-gnu/libze_intel_npu.so.1",
}
BOTH = pytest.mark.parametrize("kind", ["GPU", "NPU"])


def add(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="ascii")


def explain(kind: str, root: Path, system: str = "linux") -> Absence:
    found = explain_absences((CORE_CPU,), root, system)
    return next(one for one in found if one.kind == kind)


@BOTH
def test_without_a_node_the_kernel_driver_or_the_container_is_named(
    kind: str, tmp_path: Path
) -> None:
    found = explain(kind, tmp_path)
    assert "there is no /dev/" in found.reason
    assert "modprobe" in found.linux
    assert "--device /dev/" in found.linux


@BOTH
def test_a_node_of_another_maker_is_named(kind: str, tmp_path: Path) -> None:
    add(tmp_path, NODES[kind])
    add(tmp_path, VENDORS[kind], "0x10de\n")
    assert f"/{NODES[kind]} is not Intel's" in explain(kind, tmp_path).reason


@BOTH
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_a_node_without_permission_names_the_group_to_join(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, NODES[kind])
    add(tmp_path, VENDORS[kind], "0x8086\n")
    node = tmp_path / NODES[kind]
    monkeypatch.setattr(os, "access", lambda path, _: path != node)  # root may open anything
    found = explain(kind, tmp_path)
    assert found.reason == f"you have no permission on /{NODES[kind]}"
    assert "usermod -aG render" in found.linux


@BOTH
def test_a_node_without_a_driver_names_the_packages(kind: str, tmp_path: Path) -> None:
    add(tmp_path, NODES[kind])
    found = explain(kind, tmp_path)
    assert "no driver" in found.reason
    assert "sudo apt install" in found.linux


@BOTH
def test_where_all_is_there_the_driver_is_suspected(kind: str, tmp_path: Path) -> None:
    for file in (NODES[kind], DRIVERS[kind]):
        add(tmp_path, file)
    assert "may be too old" in explain(kind, tmp_path).reason


@BOTH
def test_windows_is_told_where_the_driver_is(kind: str, tmp_path: Path) -> None:
    found = explain(kind, tmp_path, "win32")
    assert "its driver is missing" in found.reason
    assert "winget install" in found.windows
    assert found.linux


def test_kinds_that_are_here_are_not_explained(tmp_path: Path) -> None:
    assert explain_absences((CORE_CPU, ARC, LUNAR_NPU), tmp_path) == ()
    assert [one.kind for one in explain_absences((CORE_CPU, ARC), tmp_path)] == ["NPU"]
