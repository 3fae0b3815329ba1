"""How much memory a model takes, and what is refused for want of it."""

import re
from dataclasses import replace

import pytest

from machines import ARC, CORE_CPU, GB, IRIS, model
from ovglm.devices import RuntimeOptions, choose
from ovglm.devices.fit import Footprint, cache_bytes_per_token, show_bytes
from ovglm.devices.options import CachePrecision
from ovglm.errors import OvglmError

GLM_4_9B = model(
    name="glm-4-9b-chat", weights_bytes=5_450_000_000, layers=40, kv_heads=2, hidden=4096,
    context_length=131072,
)  # fmt: skip
NANO = model(layers=5, kv_heads=2, head_dim=64, hidden=256)


@pytest.mark.parametrize(
    ("precision", "wanted"),
    # measured: 20,000 pages of nano's cache on the CPU plugin, 2026.4.1
    [("u8", 1520), ("f16", 2560), ("bf16", 2560), ("f32", 5120)],
)
def test_the_cache_of_a_token_is_what_the_cpu_plugin_was_measured_to_take(
    precision: CachePrecision, wanted: int
) -> None:
    assert cache_bytes_per_token(NANO, precision, "CPU") == wanted


def test_glm_4_keeps_a_token_in_41_kb_of_f16() -> None:
    assert cache_bytes_per_token(GLM_4_9B, "f16", "CPU") == 40_960


def test_u8_takes_scales_and_zero_points_along() -> None:
    plain = 2 * 40 * 2 * 128
    assert cache_bytes_per_token(GLM_4_9B, "u8", "CPU") == round(plain * 1.15625)
    assert cache_bytes_per_token(GLM_4_9B, "u8", "GPU") == round(plain * 1.140625)


def test_a_need_is_weights_cache_and_workspace() -> None:
    need = Footprint(weights=100, workspace=20, cache_per_token=3, workspace_per_token=1).need(10)
    assert (need.weights, need.kv_cache, need.workspace, need.total) == (100, 30, 30, 160)


def test_the_tokens_that_fit_are_those_whose_need_is_free() -> None:
    footprint = Footprint(weights=100, workspace=20, cache_per_token=3, workspace_per_token=1)
    assert footprint.most_tokens(160) == 10
    assert footprint.most_tokens(159) == 9
    assert footprint.most_tokens(50) == 0


def test_an_ill_fit_is_refused_with_the_figures_and_the_largest_context_that_fits() -> None:
    crowded = replace(CORE_CPU, free_bytes=7 * GB)
    with pytest.raises(OvglmError) as caught:
        choose(GLM_4_9B, (crowded,), "CPU", RuntimeOptions(context=131072))
    told = caught.value.message
    assert "a cache of 131072 tokens takes 8.91 GB" in told
    assert "weights 5.45 GB, KV cache 3.10 GB, workspace 352 MB" in told
    assert "7.00 GB are free" in told
    found = re.search(r"largest context that fits is (\d+)", told)
    assert found and caught.value.hint == f"--context {found[1]}"
    largest = int(found[1])
    fitting = choose(GLM_4_9B, (crowded,), "CPU", RuntimeOptions(context=largest))
    assert fitting.need.total <= 7 * GB
    with pytest.raises(OvglmError, match="largest context"):
        choose(GLM_4_9B, (crowded,), "CPU", RuntimeOptions(context=largest + 32))


def test_weights_that_do_not_fit_are_refused_without_a_context() -> None:
    tiny = replace(CORE_CPU, free_bytes=4 * GB)
    with pytest.raises(OvglmError, match="not even an empty context fits"):
        choose(GLM_4_9B, (tiny,), "CPU", RuntimeOptions())


def test_without_context_the_model_gets_what_fits_and_says_so() -> None:
    crowded = replace(CORE_CPU, free_bytes=6 * GB)
    placement = choose(GLM_4_9B, (crowded,), "CPU", RuntimeOptions())
    assert 1024 <= placement.context < 32768
    assert placement.notes == (
        f"the free memory has room for a context of {placement.context} tokens",
    )
    assert placement.need.total <= 6 * GB


def test_without_context_too_little_is_refused_rather_than_made_useless() -> None:
    free = 5_450_000_000 + (224 << 20) + 14 * 4096 * 4 * 512 + 1000 * 23_680
    with pytest.raises(OvglmError, match=r"the largest context that fits is 9\d\d"):
        choose(GLM_4_9B, (replace(CORE_CPU, free_bytes=free),), "CPU", RuntimeOptions())


def test_a_long_context_is_the_models_own_only_when_asked_for() -> None:
    roomy = replace(CORE_CPU, memory_bytes=64 * GB, free_bytes=60 * GB)
    assert choose(GLM_4_9B, (roomy,), "CPU", RuntimeOptions()).context == 32768
    asked = choose(GLM_4_9B, (roomy,), "CPU", RuntimeOptions(context=131072))
    assert (asked.context, asked.max_prompt) == (131072, 131071)


def test_the_cache_holds_as_many_answers_as_must_be_held_at_once() -> None:
    crowded = replace(CORE_CPU, free_bytes=3 * GB)
    placement = choose(model(), (crowded,), "CPU", RuntimeOptions(context=4096, requests=8))
    assert placement.cache_tokens >= 8 * 4096
    with pytest.raises(OvglmError, match="a cache of 65536 tokens"):
        choose(model(), (crowded,), "CPU", RuntimeOptions(context=4096, requests=16))


def test_the_cache_grows_into_a_quarter_of_the_free_memory_at_most() -> None:
    placement = choose(model(), (CORE_CPU,), "CPU", RuntimeOptions())
    assert placement.cache_tokens == 4 * placement.context
    crowded = replace(CORE_CPU, free_bytes=2 * GB)
    placement = choose(model(), (crowded,), "CPU", RuntimeOptions(context=2048))
    assert 2048 <= placement.cache_tokens < 4 * 8192
    assert placement.need.kv_cache <= 0.5 * GB + 32 * 50_000
    assert placement.cache_tokens % 32 == 0


def test_a_discrete_gpu_is_judged_by_its_own_memory() -> None:
    with pytest.raises(OvglmError, match=r"6\.00 GB are free"):
        small = replace(ARC, memory_bytes=6 * GB)
        choose(GLM_4_9B, (small,), "GPU.1", RuntimeOptions(context=32768))


def test_an_integrated_gpu_is_judged_by_what_the_system_has_free() -> None:
    with pytest.raises(OvglmError, match=r"1\.00 GB are free"):
        choose(model(), (replace(IRIS, free_bytes=GB),), "GPU.0", RuntimeOptions())


def test_a_device_that_tells_no_memory_is_taken_and_that_is_said() -> None:
    silent = replace(ARC, memory_bytes=None)
    placement = choose(model(), (silent,), "GPU.1", RuntimeOptions())
    assert placement.notes == ("GPU.1 does not tell its memory: the fit is not checked",)
    assert placement.cache_tokens == placement.context


def test_stateful_attention_takes_more_room_for_a_long_prompt() -> None:
    paged = choose(model(), (CORE_CPU,), "CPU", RuntimeOptions(context=8192))
    sdpa = RuntimeOptions(context=8192, properties=(("ATTENTION_BACKEND", "SDPA"),))
    assert choose(model(), (CORE_CPU,), "CPU", sdpa).need.workspace > 3 * paged.need.workspace


@pytest.mark.parametrize(
    ("count", "text"), [(940_000_000, "940 MB"), (5_450_000_000, "5.45 GB"), (2_073_108, "2 MB")]
)
def test_sizes_are_written_as_people_do(count: int, text: str) -> None:
    assert show_bytes(count) == text
