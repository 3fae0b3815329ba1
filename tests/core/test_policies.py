"""What CPU and GPU are told, what they refuse by name, and the user's own properties."""

import os
from dataclasses import replace
from typing import Any

import pytest

from machines import ARC, CORE_CPU, IRIS, LUNAR_NPU, model
from ovglm.devices import Device, Placement, RuntimeOptions, choose
from ovglm.errors import OvglmError

BF16_CPU = replace(CORE_CPU, precisions=("FP32", "BF16", "INT8"))
# The kernels that the CPU plugin may keep: it would keep those of every prompt length.
KEPT = {"CPU_RUNTIME_CACHE_CAPACITY": 256}
EXACT = RuntimeOptions(
    precision="f32", kv_cache="f32", properties=(("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"),)
)


def place(device: Device, options: RuntimeOptions | None = None, **changes: Any) -> Placement:
    return choose(model(**changes), (device,), device.id, options or RuntimeOptions())


def test_the_cpu_serves_from_pages_with_a_u8_cache_and_the_plugins_other_defaults() -> None:
    placement = place(CORE_CPU)
    assert placement.engine == "paged"
    assert placement.properties == {"KV_CACHE_PRECISION": "u8", **KEPT}
    assert placement.notes == ()


def test_the_gpu_is_left_its_own_defaults() -> None:
    placement = place(ARC)
    assert placement.engine == "paged"
    assert placement.properties == {}


def test_the_exact_settings_reach_the_cpu() -> None:
    assert place(BF16_CPU, EXACT).properties == {
        "KV_CACHE_PRECISION": "f32",
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
        **KEPT,
    }


def test_threads_reach_the_cpu_and_are_bounded_by_the_machine() -> None:
    assert place(CORE_CPU, RuntimeOptions(threads=1)).properties["INFERENCE_NUM_THREADS"] == 1
    most = os.cpu_count() or 1
    with pytest.raises(OvglmError, match=f"--threads {most + 1} is more than the {most}"):
        place(CORE_CPU, RuntimeOptions(threads=most + 1))


@pytest.mark.parametrize("device", [IRIS, ARC, LUNAR_NPU], ids=lambda device: device.type)
def test_threads_are_refused_by_name_elsewhere(device: Device) -> None:
    with pytest.raises(OvglmError, match="--threads 2 is for the CPU"):
        place(device, RuntimeOptions(threads=2))


@pytest.mark.parametrize(
    ("device", "precision"),
    [(CORE_CPU, "bf16"), (CORE_CPU, "f16"), (ARC, "bf16"), (LUNAR_NPU, "f32")],
)
def test_a_precision_that_a_device_lacks_is_refused_with_those_it_has(
    device: Device, precision: Any
) -> None:
    with pytest.raises(OvglmError, match=f"does not calculate in {precision}, but in f") as caught:
        place(device, RuntimeOptions(precision=precision))
    assert caught.value.hint and caught.value.hint.startswith("--precision f")


@pytest.mark.parametrize(
    ("device", "precision", "cache", "is_legal"),
    [
        (CORE_CPU, None, "f16", True),
        (CORE_CPU, None, "f32", True),
        (CORE_CPU, None, "bf16", False),
        (BF16_CPU, None, "bf16", True),
        (BF16_CPU, None, "f32", False),
        (BF16_CPU, "f32", "f32", True),
        (BF16_CPU, "f32", "bf16", False),
        (ARC, None, "u8", True),
        (ARC, None, "f16", True),
        (ARC, None, "bf16", False),
        (ARC, "f32", "f32", False),
    ],
)
def test_a_cache_format_that_a_device_cannot_keep_is_refused_by_name(
    device: Device, precision: Any, cache: Any, is_legal: bool
) -> None:
    options = RuntimeOptions(precision=precision, kv_cache=cache)
    if is_legal:
        assert place(device, options).properties["KV_CACHE_PRECISION"] == cache
        return
    with pytest.raises(OvglmError, match=cache):
        place(device, options)


@pytest.mark.parametrize("device", [CORE_CPU, ARC], ids=lambda device: device.id)
def test_sdpa_makes_the_engine_static_and_loses_what_only_pages_have(device: Device) -> None:
    backend = (("ATTENTION_BACKEND", "SDPA"),)
    placement = place(device, RuntimeOptions(properties=backend))
    assert placement.engine == "static"
    assert placement.properties["ATTENTION_BACKEND"] == "SDPA"
    assert placement.cache_tokens == placement.context
    for options in (
        RuntimeOptions(properties=backend, prompt_lookup=True),
        RuntimeOptions(properties=backend, requests=2),
    ):
        with pytest.raises(OvglmError, match="static engine"):
            place(device, options)


def test_a_property_of_the_plugin_is_handed_on() -> None:
    options = RuntimeOptions(properties=(("ENABLE_CPU_PINNING", "NO"),))
    assert place(CORE_CPU, options).properties["ENABLE_CPU_PINNING"] == "NO"


@pytest.mark.parametrize(
    ("device", "name", "near"),
    [
        (CORE_CPU, "ENABLE_CPU_PINING", "ENABLE_CPU_PINNING"),
        (CORE_CPU, "enable_cpu_pinning", "ENABLE_CPU_PINNING"),
        (ARC, "GPU_QUEUE_THROTLE", "GPU_QUEUE_THROTTLE"),
        (LUNAR_NPU, "NPUW_LLM_PREFIL_CHUNK_SIZE", "NPUW_LLM_PREFILL_CHUNK_SIZE"),
        (LUNAR_NPU, "GENERATE_HINTS", "GENERATE_HINT"),
    ],
)
def test_a_mistyped_property_is_an_error_with_the_nearest_name(
    device: Device, name: str, near: str
) -> None:
    with pytest.raises(OvglmError, match=f"{device.id} has no property {name}; near it: ") as found:
        place(device, RuntimeOptions(properties=((name, "1"),)))
    assert found.value.hint == f"--property {near}=1"


def test_a_property_like_no_other_is_an_error() -> None:
    with pytest.raises(OvglmError, match=r"CPU has no property XYZZY$"):
        place(CORE_CPU, RuntimeOptions(properties=(("XYZZY", "1"),)))


@pytest.mark.parametrize("device", [CORE_CPU, ARC], ids=lambda device: device.id)
@pytest.mark.parametrize("name", ["MAX_PROMPT_LEN", "GENERATE_HINT", "NPUW_DEVICES"])
def test_what_only_the_npu_knows_is_an_error_elsewhere(device: Device, name: str) -> None:
    with pytest.raises(OvglmError, match=f"has no property {name}"):
        place(device, RuntimeOptions(properties=((name, "1024"),)))


def test_a_property_with_an_option_of_its_own_follows_that_options_rules() -> None:
    options = RuntimeOptions(
        properties=(("KV_CACHE_PRECISION", "f16"), ("INFERENCE_NUM_THREADS", "1"))
    )
    placement = place(CORE_CPU, options)
    told = {"KV_CACHE_PRECISION": "f16", "INFERENCE_NUM_THREADS": 1}
    assert placement.properties == {**told, **KEPT}
    assert placement.need.kv_cache / placement.cache_tokens == 2 * 28 * 4 * 128 * 2
    with pytest.raises(OvglmError, match="kv cache is 'f17'"):
        place(CORE_CPU, RuntimeOptions(properties=(("KV_CACHE_PRECISION", "f17"),)))
    with pytest.raises(OvglmError, match="INFERENCE_NUM_THREADS is 'two', not a whole number"):
        place(CORE_CPU, RuntimeOptions(properties=(("INFERENCE_NUM_THREADS", "two"),)))


def test_one_setting_given_twice_is_an_error() -> None:
    twice = (("ENABLE_CPU_PINNING", "NO"), ("ENABLE_CPU_PINNING", "YES"))
    with pytest.raises(OvglmError, match="ENABLE_CPU_PINNING is given twice"):
        place(CORE_CPU, RuntimeOptions(properties=twice))
    both = RuntimeOptions(kv_cache="u8", properties=(("KV_CACHE_PRECISION", "f16"),))
    with pytest.raises(OvglmError, match="KV_CACHE_PRECISION and --kv-cache set the same"):
        place(CORE_CPU, both)


def test_a_value_that_the_library_would_ignore_is_an_error() -> None:
    with pytest.raises(OvglmError, match="ATTENTION_BACKEND is 'FLASH', not one of PA, SDPA"):
        place(CORE_CPU, RuntimeOptions(properties=(("ATTENTION_BACKEND", "FLASH"),)))


def test_max_response_is_kept_free_of_the_context_on_every_device() -> None:
    options = RuntimeOptions(context=4096, max_response=512)
    for device in (CORE_CPU, ARC, LUNAR_NPU):
        placement = place(device, options)
        assert (placement.context, placement.max_prompt) == (4096, 3584)


def test_a_context_beyond_the_models_own_is_refused() -> None:
    with pytest.raises(OvglmError, match="context is 8193 tokens, and the model was made for 8192"):
        place(CORE_CPU, RuntimeOptions(context=8193))


@pytest.mark.parametrize("device", [CORE_CPU, LUNAR_NPU], ids=lambda device: device.id)
def test_a_response_that_leaves_no_prompt_is_refused(device: Device) -> None:
    with pytest.raises(OvglmError, match="a response of 512 tokens leaves no room"):
        place(device, RuntimeOptions(context=512, max_response=512))
