"""What the doctor finds, says and concludes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ovglm.devices.absent import Absence
from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.doctor import Check, decide
from ovglm.doctor.answers import check_answer
from ovglm.doctor.devices import check_absence, check_device, mend_for
from ovglm.doctor.libraries import check_libraries, check_versions
from ovglm.doctor.machine import check_cache, check_disk, check_memory
from ovglm.doctor.models import check_model, check_unfinished
from ovglm.engine.base import Engine
from ovglm.errors import OvglmError
from ovglm.testing import FakeEngine

GIB = 1 << 30
CPU = Device("CPU", "Intel Core Ultra 7", "CPU", memory_bytes=32 * GIB)
GPU = Device("GPU", "Intel Arc 140V", "integrated GPU", driver="24.35", memory_bytes=16 * GIB)
FITTING = {
    "openvino": "2026.4.1",
    "openvino-genai": "2026.4.1.0",
    "openvino-tokenizers": "2026.4.0.0",
    "nncf": "3.4.0",
    "tokenizers": "0.22.1",
    "transformers": "4.57.6",
}
REQUIREMENTS = (
    "nncf==3.4.*",
    "openvino==2026.4.*",
    "openvino-genai==2026.4.*",
    "openvino-tokenizers==2026.4.*",
    "tokenizers>=0.22",
    "transformers<6,>=4.57",
    'transformers==4.57.6; extra == "optimum"',
)


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def facts(**illegal: str) -> ModelFacts:
    return ModelFacts(
        name="nano", folder=Path("nano"), weights_bytes=2_100_000, layers=5, kv_heads=2,
        head_dim=64, hidden=256, vocabulary=2048, context_length=2048, stop_ids=(1,),
        dialect="glm4", fingerprint="", recipe="int8", illegal=illegal,
        mend="ovglm export nano --device NPU",
    )  # fmt: skip


def test_libraries_of_one_release_and_within_their_ranges_are_fine() -> None:
    checks = check_versions(FITTING, REQUIREMENTS)
    assert {check.state for check in checks} == {"ok"}
    assert len(checks) == 7


def test_two_release_lines_of_openvino_are_refused_with_all_versions() -> None:
    checks = check_versions({**FITTING, "openvino-genai": "2026.3.1.0"}, REQUIREMENTS)
    line = by_name(checks)["release line"]
    assert line.state == "fail"
    assert "openvino 2026.4.1" in line.text
    assert "openvino-genai 2026.3.1.0" in line.text


def test_a_version_outside_the_range_is_refused_with_the_command_that_mends_it() -> None:
    found = by_name(check_versions({**FITTING, "transformers": "4.50.0"}, REQUIREMENTS))
    assert found["transformers"].state == "fail"
    assert found["transformers"].text == "4.50.0 is installed, and ovglm wants <6,>=4.57"
    assert found["transformers"].mend == 'pip install "transformers<6,>=4.57"'


def test_the_ranges_of_an_extra_do_not_count() -> None:
    assert by_name(check_versions(FITTING | {"transformers": "5.1.0"}, REQUIREMENTS))[
        "transformers"
    ].state == "ok"  # fmt: skip


def test_an_absent_library_is_refused() -> None:
    found = by_name(check_versions({**FITTING, "openvino-tokenizers": None}, REQUIREMENTS))
    assert found["openvino-tokenizers"].text == "is not installed"
    assert found["release line"].state == "fail"


def test_this_installation_fits_together() -> None:
    assert [check for check in check_libraries() if check.state != "ok"] == []


def test_little_memory_and_little_disk_are_said_with_the_figures(tmp_path: Path) -> None:
    memory = check_memory(free=1 * GIB, total=8 * GIB)
    assert memory.state == "warn"
    assert "1.0 of 8.0 GiB" in memory.text
    disk = check_disk(tmp_path / "not" / "there", free=2 * GIB)
    assert disk.state == "warn"
    assert "2.0 GiB" in disk.text


def test_enough_memory_and_disk_are_fine(tmp_path: Path) -> None:
    assert check_memory(free=16 * GIB, total=32 * GIB).state == "ok"
    assert check_disk(tmp_path, free=100 * GIB).state == "ok"


def test_the_compiled_cache_is_told_with_its_size() -> None:
    assert check_cache(1, 500_000_000).text == "1 compiled model, 0.50 GB"
    assert check_cache(3, 0).text == "3 compiled models, 0.00 GB"


def test_a_device_is_told_with_its_type_memory_and_driver() -> None:
    assert check_device(GPU).text == "Intel Arc 140V, integrated GPU, 16.0 GiB, driver 24.35"
    assert check_device(CPU).text == "Intel Core Ultra 7, 32.0 GiB"


def test_an_emulated_npu_is_called_emulated() -> None:
    assert "emulated on the CPU" in check_device(Device("NPU", "NPU", "NPU", is_emulated=True)).text


def test_an_absent_device_is_a_note_with_the_command_of_this_system() -> None:
    absence = Absence("GPU", "there is no render node", "sudo apt install x", "update the driver")
    assert check_absence(absence).state == "note"
    assert mend_for(absence, "linux") == "sudo apt install x"
    assert mend_for(absence, "win32") == "update the driver"


def refuse_gpu(model: ModelFacts, device: Device) -> None:
    if device.kind == "GPU":
        raise OvglmError(f"{model.name} needs 20 GiB and {device.id} has 16 GiB")


def test_a_model_is_told_with_the_devices_it_runs_on_and_why_not_elsewhere() -> None:
    reason = "the NPU wants INT4 weights, not int8"
    check = check_model(facts(CPU="", GPU="", NPU=reason), [CPU, GPU], refuse_gpu)
    assert check.state == "ok"
    assert check.text == "int8, 2 MB, runs on CPU"
    assert check.details == (
        "not on GPU: nano needs 20 GiB and GPU has 16 GiB",
        f"not on any NPU: {reason}",
    )
    assert check.mend == "ovglm export nano --device NPU"


def test_a_model_that_is_legal_on_an_absent_kind_is_said_to_be_and_needs_no_mending() -> None:
    check = check_model(facts(CPU="", GPU="", NPU=""), [CPU], refuse_gpu)
    assert check.details == ("its recipe fits GPU and NPU, too",)
    assert check.mend == ""


def test_a_model_that_runs_nowhere_is_a_warning() -> None:
    check = check_model(facts(CPU="", GPU="", NPU=""), [GPU], refuse_gpu)
    assert check.state == "warn"
    assert "no device of this machine" in check.text


def test_an_unfinished_export_can_be_removed() -> None:
    assert check_unfinished("edge.partial").mend == "ovglm rm edge.partial"


def answering(text: str) -> Callable[[Device], FakeEngine]:
    """An engine that says one word per token."""
    words = text.split()
    engine = FakeEngine(range(len(words)), decode=lambda ids: " ".join(words[: len(ids)]))
    return lambda device: engine


def test_a_right_answer_is_shown_with_its_time() -> None:
    load = answering("It is Paris.")
    check = check_answer(CPU, load, [1, 2, 3])
    assert check.state == "ok"
    assert "It is Paris." in check.text
    assert check.details[0].startswith("3 tokens in ")
    assert load(CPU).is_closed


def test_a_wrong_answer_fails_and_names_the_precision_option() -> None:
    check = check_answer(GPU, answering("!!!! !!!!"), [1, 2, 3])
    assert check.state == "fail"
    assert "calculates wrongly" in check.text
    assert "--device GPU --precision f32" in check.mend


def test_a_device_that_cannot_load_fails_with_its_own_reason_and_hint() -> None:
    def load(device: Device) -> Engine:
        raise OvglmError(f"{device.id} has no driver", hint="install one")

    check = check_answer(GPU, load, [1])
    assert (check.state, check.text, check.mend) == ("fail", "GPU has no driver", "install one")


def test_a_very_slow_device_is_stopped_at_the_time_limit() -> None:
    ticks = iter(float(tick) for tick in range(100))
    check = check_answer(
        CPU, answering("one two three four five six"), [1], limit_s=2.0, clock=lambda: next(ticks)
    )
    assert check.state == "warn"
    assert "only 2 tokens" in check.text


ANSWERED = Check("answers", "CPU", "ok", "it says Paris")
FAILED = Check("answers", "GPU", "fail", "no driver")


def test_it_works_when_the_default_device_answers_whatever_else_is_wrong() -> None:
    verdict = decide([ANSWERED, FAILED], "CPU")
    assert verdict.works
    assert verdict.text == (
        "ovglm works here: the default device is CPU; 1 thing to mend, see above"
    )


def test_it_does_not_work_when_the_default_device_gave_no_answer() -> None:
    verdict = decide([ANSWERED, FAILED], "GPU")
    assert not verdict.works
    assert "the default device, GPU, gave no answer" in verdict.text


@pytest.mark.parametrize("checks", [[], [ANSWERED]])
def test_it_does_not_work_without_any_default_device(checks: list[Check]) -> None:
    assert not decide(checks, None).works


def test_notes_are_nothing_to_mend() -> None:
    note = Check("devices", "NPU", "note", "there is none")
    assert "nothing to mend" in decide([ANSWERED, note], "CPU").text
