"""From what a user wrote after --device to one device; all machines are on paper."""

from dataclasses import replace
from pathlib import Path

import pytest

from machines import ARC, CORE_CPU, GB, IRIS, LUNAR_NPU, model
from ovglm.devices import RuntimeOptions, choose
from ovglm.devices.options import Preference
from ovglm.errors import OvglmError, RecipeError

LAPTOP = (CORE_CPU, IRIS, LUNAR_NPU)
DESKTOP = (CORE_CPU, IRIS, ARC)
PLAIN = RuntimeOptions()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("CPU", "CPU"), (" cpu", "CPU"), ("GPU", "GPU.0"), ("gpu.1", "GPU.1"), ("GPU.0", "GPU.0")],
)
def test_a_name_in_any_case_finds_its_device(wanted: str, found: str) -> None:
    placement = choose(model(), DESKTOP, wanted, PLAIN)
    assert placement.device.id == found
    assert placement.reason == "it was asked for"


def test_the_only_gpu_is_found_by_its_number_too() -> None:
    only = replace(IRIS, id="GPU")
    assert choose(model(), (CORE_CPU, only), "GPU.0", PLAIN).device == only


@pytest.mark.parametrize("name", ["NPU", "GPU.2", "CPU.1"])
def test_an_absent_device_is_refused_by_name_with_those_present(name: str) -> None:
    with pytest.raises(OvglmError, match=rf"no device {name} .*CPU, GPU\.0, GPU\.1"):
        choose(model(), DESKTOP, name, PLAIN)


@pytest.mark.parametrize("name", ["TPU", "", "GPU.one", "../CPU", "CPU,", "AUTO,CPU", "GPU."])
def test_what_is_no_name_of_a_device_is_refused(name: str) -> None:
    with pytest.raises(OvglmError, match="is not the name of a device"):
        choose(model(), DESKTOP, name, PLAIN)


def test_a_device_that_vanished_since_the_probe_is_refused_and_not_replaced() -> None:
    assert choose(model(), DESKTOP, "GPU.1", PLAIN).device == ARC
    with pytest.raises(OvglmError, match=r"no device GPU\.1 .* sees CPU, GPU\.0"):
        choose(model(), (CORE_CPU, IRIS), "GPU.1", PLAIN)


def test_a_list_takes_the_first_that_works_and_tells_why_others_were_left_out() -> None:
    illegal = {"NPU": "the NPU wants symmetric INT4"}
    placement = choose(model(illegal=illegal), (CORE_CPU, LUNAR_NPU), "NPU,GPU,CPU", PLAIN)
    assert placement.device == CORE_CPU
    assert placement.reason == "the first of NPU,GPU,CPU that works"
    assert "not on NPU: " in placement.notes[0]
    assert "symmetric INT4" in placement.notes[0]
    assert "not on GPU: there is no device GPU" in placement.notes[1]


def test_a_list_of_which_nothing_works_says_every_reason() -> None:
    with pytest.raises(OvglmError, match=r"not on NPU: .*not on GPU: "):
        choose(model(), (CORE_CPU,), "NPU,GPU", PLAIN)


@pytest.mark.parametrize(
    ("prefer", "found"),
    [("speed", "GPU.1"), ("power", "NPU"), ("memory", "CPU")],
)
def test_auto_takes_what_is_preferred(prefer: Preference, found: str) -> None:
    placement = choose(model(), (*DESKTOP, LUNAR_NPU), "auto", RuntimeOptions(prefer=prefer))
    assert placement.device.id == found
    assert f"prefers {prefer}" in placement.reason


def test_auto_takes_the_npu_for_power_only() -> None:
    for prefer in ("speed", "memory"):
        assert choose(model(), LAPTOP, "AUTO", RuntimeOptions(prefer=prefer)).device != LUNAR_NPU


def test_auto_takes_a_gpu_only_where_the_model_fits_and_says_so() -> None:
    small = replace(ARC, memory_bytes=GB)
    placement = choose(model(), (CORE_CPU, small), "AUTO", PLAIN)
    assert placement.device == CORE_CPU
    assert placement.notes[0].startswith("not on GPU.1: glm-edge-1.5b-chat with a cache of")


def test_auto_for_memory_takes_the_device_with_the_most_room() -> None:
    crowded = replace(CORE_CPU, free_bytes=4 * GB)
    placement = choose(model(), (crowded, ARC), "AUTO", RuntimeOptions(prefer="memory"))
    assert placement.device == ARC


def test_auto_leaves_gpus_of_other_makers_alone_but_a_name_takes_them() -> None:
    other = replace(ARC, name="NVIDIA GeForce RTX 5090 D (dGPU)")
    assert choose(model(), (CORE_CPU, other), "AUTO", PLAIN).device == CORE_CPU
    placement = choose(model(), (CORE_CPU, other), "GPU.1", PLAIN)
    assert placement.device == other
    assert "is not Intel's" in placement.notes[0]


def test_an_option_that_the_best_device_lacks_makes_auto_take_the_next_and_say_so() -> None:
    placement = choose(model(), DESKTOP, "AUTO", RuntimeOptions(threads=1))
    assert placement.device == CORE_CPU
    assert [note.partition(":")[0] for note in placement.notes] == ["not on GPU.1", "not on GPU.0"]


def test_auto_with_one_device_gives_that_devices_own_error() -> None:
    options = RuntimeOptions(properties=(("NUM_STREEMS", "1"),))
    with pytest.raises(OvglmError, match=r"^CPU has no property NUM_STREEMS") as caught:
        choose(model(), (CORE_CPU,), "AUTO", options)
    assert caught.value.hint == "--property NUM_STREAMS=1"


def test_auto_without_any_device_is_refused() -> None:
    with pytest.raises(OvglmError, match="there is none that AUTO may take"):
        choose(model(), (LUNAR_NPU,), "AUTO", PLAIN)


def test_an_illegal_recipe_is_refused_with_the_export_that_makes_a_legal_one() -> None:
    with pytest.raises(RecipeError, match="cannot run on NPU: the NPU wants") as caught:
        choose(model(illegal={"NPU": "the NPU wants INT4"}), LAPTOP, "NPU", PLAIN)
    assert caught.value.hint == "ovglm export edge --device NPU"


def test_a_foreign_folder_is_said_to_be_one() -> None:
    placement = choose(model(is_foreign=True), LAPTOP, "CPU", PLAIN)
    assert "another tool made this folder" in placement.notes[0]


def test_a_draft_must_be_legal_too_and_takes_memory(nano: Path) -> None:
    with_draft = choose(model(), (CORE_CPU,), "CPU", RuntimeOptions(draft=nano, context=1024))
    alone = choose(model(), (CORE_CPU,), "CPU", RuntimeOptions(context=1024))
    assert with_draft.need.weights > alone.need.weights
    assert with_draft.need.kv_cache > alone.need.kv_cache


def test_compiled_models_are_kept_where_that_helps_or_is_asked_for(
    home: Path, tmp_path: Path
) -> None:
    def cache_dir(wanted: str, options: RuntimeOptions) -> Path | None:
        return choose(model(), LAPTOP, wanted, options).cache_dir

    assert cache_dir("CPU", PLAIN) is None
    assert cache_dir("GPU", PLAIN) == cache_dir("NPU", PLAIN) == home / "compiled"
    assert cache_dir("CPU", RuntimeOptions(cache_dir=tmp_path)) == tmp_path
    assert cache_dir("NPU", RuntimeOptions(cache=False, cache_dir=tmp_path)) is None
