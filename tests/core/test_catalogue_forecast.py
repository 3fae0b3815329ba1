"""What a model will take and where it runs, foreseen as a load would decide it."""

from dataclasses import replace

import pytest

from machines import ARC, CORE_CPU, GB, IRIS, LUNAR_NPU, model
from ovglm.devices import RuntimeOptions, choose
from ovglm.devices.device import Device
from ovglm.devices.placing import Models, place
from ovglm.errors import OvglmError
from ovglm.models import CATALOGUE, Entry
from ovglm.models.forecast import RECIPES, Fit, _facts, forecast
from ovglm.recipe import Recipe, WeightFormat

EDGE = CATALOGUE["glm-edge-1.5b-chat"]
BIG = CATALOGUE["glm-4-9b-chat"]
SEEING, SHARING = CATALOGUE["glm-edge-v-2b"], CATALOGUE["glm-4v-9b"]
MACHINE = [CORE_CPU, IRIS, ARC, LUNAR_NPU]


def _fit(entry: Entry, device: Device, weights: WeightFormat = "int4") -> Fit:
    (fit,) = forecast(entry, weights, [device]).fits
    return fit


def _free(gigabytes: float) -> Device:
    return replace(CORE_CPU, free_bytes=int(gigabytes * GB))


def test_a_model_with_room_to_spare_is_green_with_its_usual_context() -> None:
    fit = _fit(BIG, CORE_CPU)
    assert (fit.verdict, fit.context) == ("green", 32768)
    assert fit.longest == BIG.shape.context_length


def test_a_model_that_takes_nearly_all_memory_is_tight() -> None:
    fit = _fit(EDGE, _free(1.75))
    assert (fit.verdict, fit.context) == ("tight", 8192)


def test_a_context_that_memory_shortens_is_tight() -> None:
    fit = _fit(BIG, _free(6.4))
    assert fit.verdict == "tight"
    assert 1024 <= fit.context < 32768


def test_a_model_that_does_not_fit_is_refused_with_the_load_s_figures() -> None:
    fit = _fit(BIG, _free(4))
    assert (fit.verdict, fit.context, fit.longest) == ("no", 0, 0)
    assert "4.00 GB are free" in fit.reason


def test_the_npu_runs_int4_only_and_says_so() -> None:
    assert _fit(EDGE, LUNAR_NPU).verdict == "green"
    assert "the NPU wants INT4" in _fit(EDGE, LUNAR_NPU, "int8").reason


def test_the_npu_takes_no_pictures_whose_patches_share_a_position() -> None:
    npu = replace(LUNAR_NPU, memory_bytes=None, free_bytes=None)
    seeing, sharing = (forecast(one, "int4", [CORE_CPU, npu]).fits[1] for one in (SEEING, SHARING))
    assert seeing.verdict == "green"
    assert (sharing.verdict, sharing.context) == ("no", 0)
    assert "share one position" in sharing.reason


def test_what_a_model_that_sees_takes_is_what_its_load_takes() -> None:
    models = Models(_facts(SEEING, Recipe()), devices=(CORE_CPU,))
    (fit,) = forecast(SEEING, "int4", [CORE_CPU]).fits
    placed = place(models, CORE_CPU, RuntimeOptions(context=fit.context), "a test")
    assert fit.memory_bytes == placed.need.total


def test_a_device_that_tells_no_memory_is_green() -> None:
    assert _fit(BIG, replace(ARC, memory_bytes=None)).verdict == "green"


@pytest.mark.parametrize("device", MACHINE, ids=lambda one: one.id)
@pytest.mark.parametrize("entry", [EDGE, BIG], ids=lambda one: one.name)
def test_the_context_and_the_longest_are_those_of_a_load(entry: Entry, device: Device) -> None:
    fit = _fit(entry, device)
    shape = entry.shape
    facts = model(
        weights_bytes=forecast(entry, "int4", []).disk_bytes,
        layers=shape.layers,
        kv_heads=shape.kv_heads,
        hidden=shape.hidden_size,
        vocabulary=shape.vocab_size,
        context_length=shape.context_length,
    )
    assert choose(facts, [device], device.id, RuntimeOptions()).context == fit.context
    longest = choose(facts, [device], device.id, RuntimeOptions(context=fit.longest))
    assert longest.context == fit.longest
    with pytest.raises(OvglmError):
        choose(facts, [device], device.id, RuntimeOptions(context=fit.longest + 1))


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda one: one.name)
def test_more_bits_take_more_room(entry: Entry) -> None:
    found = [forecast(entry, weights, [CORE_CPU]) for weights in RECIPES]
    disk = [one.disk_bytes for one in found]
    assert disk == sorted(disk)
    assert all(one.memory_bytes > one.disk_bytes for one in found)
