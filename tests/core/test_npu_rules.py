"""Every rule of the NPU on paper, in the order of Intel's guide: the export, properties, limits."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from machines import CORE_CPU, EMULATED_NPU, GB, LUNAR_NPU, METEOR_NPU, model
from ovglm.devices import Device, Placement, RuntimeOptions, choose, read_facts
from ovglm.errors import OvglmError, RecipeError
from ovglm.manifest import read_manifest, write_manifest
from ovglm.recipe import Recipe, illegal_on

NPUS = pytest.mark.parametrize("npu", [LUNAR_NPU, EMULATED_NPU], ids=["real", "emulated"])


def place(
    npu: Device = LUNAR_NPU, options: RuntimeOptions | None = None, **changes: Any
) -> Placement:
    return choose(model(**changes), (CORE_CPU, npu), "NPU", options or RuntimeOptions())


def with_properties(**properties: str) -> RuntimeOptions:
    context = int(properties.pop("context", "4096"))
    return RuntimeOptions(context=context, properties=tuple(properties.items()))


# --- what an export must be ---


@NPUS
@pytest.mark.parametrize(
    ("recipe", "groups", "reason"),
    [
        (Recipe(weights="int8"), None, "wants INT4 weights, not int8"),
        (Recipe(weights="bf16"), None, "wants INT4 weights, not bf16"),
        (Recipe(symmetric=False), None, "wants symmetric INT4"),
        (Recipe(ratio=0.8), None, r"ratio 1\.0, not 0\.8"),
        (Recipe(group_size=64), None, "groups of 128 or one per channel"),
        (Recipe(), {128, 32}, "groups of 128 or one per channel"),
    ],
    ids=lambda value: value.name if isinstance(value, Recipe) else None,
)
def test_an_illegal_recipe_is_refused_before_anything_compiles(
    npu: Device, recipe: Recipe, groups: set[int] | None, reason: str
) -> None:
    illegal = {"NPU": illegal_on("NPU", recipe, groups)}
    with pytest.raises(RecipeError, match=reason) as caught:
        place(npu, illegal=illegal)
    assert caught.value.hint == "ovglm export edge --device NPU"


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(group_size=-1)], ids=lambda one: one.name)
def test_symmetric_int4_by_128_or_per_channel_is_legal(recipe: Recipe) -> None:
    assert place(illegal={"NPU": illegal_on("NPU", recipe)}).device == LUNAR_NPU


def test_the_manifests_word_is_taken(nano: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(nano, tmp_path / "asymmetric")
    devices = {"CPU": "", "GPU": "", "NPU": "the NPU wants symmetric INT4"}
    asymmetric = Recipe(symmetric=False)
    write_manifest(folder, replace(read_manifest(nano), devices=devices, recipe=asymmetric))
    with pytest.raises(RecipeError, match="symmetric INT4") as caught:
        choose(read_facts(folder), (EMULATED_NPU,), "NPU", RuntimeOptions())
    assert caught.value.hint == "ovglm export nano --device NPU"


def test_nf4_runs_per_channel_and_from_core_ultra_series_2_on() -> None:
    per_channel = frozenset({"nf4 sym per channel"})
    assert place(LUNAR_NPU, formats=per_channel).device == LUNAR_NPU
    for npu in (METEOR_NPU, EMULATED_NPU):
        with pytest.raises(RecipeError, match="does not run NF4"):
            place(npu, formats=per_channel)
    with pytest.raises(RecipeError, match="NF4 with one scale per channel, not nf4 sym g128"):
        place(LUNAR_NPU, formats=frozenset({"nf4 sym g128"}))


def test_a_large_model_in_groups_is_told_that_channels_are_faster() -> None:
    large: dict[str, Any] = {
        "weights_bytes": 5_450_000_000,
        "hidden": 4096,
        "layers": 40,
        "kv_heads": 2,
    }
    assert any("one scale per channel" in note for note in place(**large).notes)
    channel = {**large, "formats": frozenset({"int4 sym per channel"})}
    assert not any("one scale per channel" in note for note in place(**channel).notes)
    assert place().notes == ()


def test_a_large_model_with_long_prompts_is_told_of_16_gb() -> None:
    laptop = replace(LUNAR_NPU, memory_bytes=16 * GB, free_bytes=14 * GB)
    huge: dict[str, Any] = {"weights_bytes": 4_500_000_000}
    long, short = RuntimeOptions(context=4096), RuntimeOptions(context=1100)
    assert any("more than 16 GB" in note for note in place(laptop, long, **huge).notes)
    assert not any("more than 16 GB" in note for note in place(laptop, short, **huge).notes)


@NPUS
def test_what_does_not_fit_is_refused_with_the_figures(npu: Device) -> None:
    crowded = replace(npu, free_bytes=GB)
    with pytest.raises(OvglmError, match=r"weights .* and 1\.00 GB are free"):
        place(crowded)


def test_an_old_driver_is_told_what_helps_when_memory_runs_out() -> None:
    old = replace(LUNAR_NPU, driver="32.0.100.3053")
    assert any("DISABLE_OPENVINO_GENAI_NPU_L0=1" in note for note in place(old).notes)
    for driver in ("32.0.100.3104", "32.0.202.298", "built 2025-01-31", None):
        assert place(replace(LUNAR_NPU, driver=driver)).notes == ()


# --- the properties ---


@NPUS
def test_lengths_are_whole_numbers_from_context_and_response(npu: Device) -> None:
    told = place(npu, RuntimeOptions(context=4096, max_response=512)).properties
    assert (told["MAX_PROMPT_LEN"], told["MIN_RESPONSE_LEN"]) == (3584, 512)
    assert type(told["MAX_PROMPT_LEN"]) is type(told["MIN_RESPONSE_LEN"]) is int


@pytest.mark.parametrize(
    ("options", "prompt", "response"),
    [
        (RuntimeOptions(), 1024, 128),
        (RuntimeOptions(max_response=500), 1024, 500),
        (RuntimeOptions(context=2048), 1920, 128),
        (RuntimeOptions(context=100), 50, 50),
    ],
)
def test_lengths_have_the_librarys_defaults(
    options: RuntimeOptions, prompt: int, response: int
) -> None:
    placement = place(LUNAR_NPU, options)
    assert placement.properties["MAX_PROMPT_LEN"] == placement.max_prompt == prompt
    assert placement.properties["MIN_RESPONSE_LEN"] == response
    assert placement.context == prompt + response


def test_default_lengths_shrink_to_a_small_models_context() -> None:
    placement = place(context_length=512)
    assert (placement.context, placement.max_prompt) == (512, 384)


def test_lengths_can_be_given_as_properties_too() -> None:
    lengths = (("MAX_PROMPT_LEN", "2048"), ("MIN_RESPONSE_LEN", "256"))
    placement = place(LUNAR_NPU, RuntimeOptions(properties=lengths))
    assert placement.properties["MAX_PROMPT_LEN"] == placement.max_prompt == 2048
    assert placement.properties["MIN_RESPONSE_LEN"] == 256
    with pytest.raises(OvglmError, match="MAX_PROMPT_LEN and --context set the same"):
        place(LUNAR_NPU, RuntimeOptions(context=4096, properties=lengths))


@pytest.mark.parametrize("name", ["MAX_PROMPT_LEN", "MIN_RESPONSE_LEN"])
@pytest.mark.parametrize("value", ["-1", "0", "many", "1.5", ""])
def test_a_length_that_is_no_positive_whole_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(OvglmError, match=f"{name} is '{value}', not a whole number"):
        place(LUNAR_NPU, RuntimeOptions(properties=((name, value),)))


def test_hints_are_named_and_can_be_changed() -> None:
    told = place().properties
    assert (told["PREFILL_HINT"], told["GENERATE_HINT"]) == ("DYNAMIC", "FAST_COMPILE")
    told = place(LUNAR_NPU, with_properties(PREFILL_HINT="STATIC", GENERATE_HINT="BEST_PERF"))
    assert told.properties["PREFILL_HINT"] == "STATIC"
    assert told.properties["GENERATE_HINT"] == "BEST_PERF"


@pytest.mark.parametrize(
    "name", ["PREFILL_HINT", "GENERATE_HINT", "CACHE_MODE", "NPUW_LLM_ENABLE_PREFIX_CACHING"]
)
def test_a_value_that_is_unknown_is_refused(name: str) -> None:
    with pytest.raises(OvglmError, match=f"{name} is 'FAST', not one of"):
        place(LUNAR_NPU, with_properties(**{name: "FAST"}))


def test_long_prompts_are_computed_in_chunks_and_short_ones_at_once() -> None:
    chunk = "NPUW_LLM_PREFILL_CHUNK_SIZE"
    assert place(LUNAR_NPU, RuntimeOptions(context=4096)).properties[chunk] == 1024
    assert chunk not in place().properties
    assert chunk not in place(LUNAR_NPU, with_properties(PREFILL_HINT="STATIC")).properties
    told = place(LUNAR_NPU, with_properties(NPUW_LLM_PREFILL_CHUNK_SIZE="256")).properties
    assert told[chunk] == "256"


@pytest.mark.parametrize("size", ["100", "0", "-64", "1000", "big"])
def test_a_chunk_that_is_no_power_of_two_is_refused(size: str) -> None:
    with pytest.raises(OvglmError, match=f"CHUNK_SIZE is {size}, and must be a power of two"):
        place(LUNAR_NPU, with_properties(NPUW_LLM_PREFILL_CHUNK_SIZE=size))


def test_a_chunk_that_would_be_ignored_is_refused() -> None:
    with pytest.raises(OvglmError, match="would be ignored: prompts of 896 tokens are one step"):
        place(LUNAR_NPU, with_properties(context="1024", NPUW_LLM_PREFILL_CHUNK_SIZE="1024"))
    with pytest.raises(OvglmError, match="would be ignored: PREFILL_HINT=STATIC"):
        place(LUNAR_NPU, with_properties(PREFILL_HINT="STATIC", NPUW_LLM_PREFILL_CHUNK_SIZE="256"))


def test_a_static_prefill_needs_room_for_the_whole_prompt() -> None:
    static = place(LUNAR_NPU, with_properties(PREFILL_HINT="STATIC"))
    assert static.need.workspace > place(LUNAR_NPU, with_properties()).need.workspace


def test_prefix_caching_stays_off_until_asked_for() -> None:
    name = "NPUW_LLM_ENABLE_PREFIX_CACHING"
    assert name not in place().properties
    assert place(LUNAR_NPU, with_properties(**{name: "YES"})).properties[name] == "YES"


def test_the_cached_blob_holds_the_weights_unless_asked_otherwise(home: Path) -> None:
    placement = place()
    assert placement.cache_dir == home / "compiled"
    assert placement.properties["CACHE_MODE"] == "OPTIMIZE_SPEED"
    small = place(LUNAR_NPU, with_properties(CACHE_MODE="OPTIMIZE_SIZE"))
    assert small.properties["CACHE_MODE"] == "OPTIMIZE_SIZE"
    uncached = place(LUNAR_NPU, RuntimeOptions(cache=False))
    assert uncached.cache_dir is None
    assert "CACHE_MODE" not in uncached.properties


def test_cache_dir_as_a_property_is_the_option_and_the_legacy_name_is_refused() -> None:
    placement = place(LUNAR_NPU, with_properties(CACHE_DIR="blobs"))
    assert placement.cache_dir == Path("blobs")
    assert "CACHE_DIR" not in placement.properties
    with pytest.raises(OvglmError, match="NPU has no property NPUW_CACHE_DIR"):
        place(LUNAR_NPU, with_properties(NPUW_CACHE_DIR="blobs"))


def test_a_real_npu_is_told_to_run_on_the_npu_alone() -> None:
    told = place(LUNAR_NPU).properties
    assert told["NPUW_DEVICES"] == "NPU"
    assert "NPUW_ONLINE_PIPELINE" not in told


def test_nothing_can_send_the_work_to_another_device() -> None:
    with pytest.raises(OvglmError, match="NPU has no property NPUW_DEVICES"):
        place(LUNAR_NPU, with_properties(NPUW_DEVICES="NPU,CPU"))


def test_an_emulated_npu_is_told_to_run_on_the_cpu_and_says_so() -> None:
    placement = place(EMULATED_NPU)
    assert placement.properties["NPUW_DEVICES"] == "CPU"
    assert placement.properties["NPU_USE_NPUW"] == "YES"
    assert placement.properties["NPUW_ONLINE_PIPELINE"] == "NONE"
    assert "emulated by the CPU" in placement.notes[0]


def test_only_an_emulated_npu_calculates_in_f32() -> None:
    f32 = RuntimeOptions(precision="f32")
    assert place(EMULATED_NPU, f32).properties["INFERENCE_PRECISION_HINT"] == "f32"
    with pytest.raises(OvglmError, match="does not calculate in f32, but in f16"):
        place(LUNAR_NPU, f32)
    f16 = place(LUNAR_NPU, RuntimeOptions(precision="f16")).properties
    assert "INFERENCE_PRECISION_HINT" not in f16


@NPUS
@pytest.mark.parametrize("cache", ["u8", "bf16"])
def test_a_cache_in_another_format_than_f16_is_refused(npu: Device, cache: Any) -> None:
    with pytest.raises(OvglmError, match=f"keeps its KV cache in f16, not in {cache}"):
        place(npu, RuntimeOptions(kv_cache=cache))


# --- the limits ---


@NPUS
@pytest.mark.parametrize(
    ("options", "wish"),
    [
        (RuntimeOptions(requests=2), "2 requests at once"),
        (RuntimeOptions(prompt_lookup=True), "prompt lookup"),
    ],
)
def test_it_answers_one_prompt_at_a_time_without_guessing(
    npu: Device, options: RuntimeOptions, wish: str
) -> None:
    assert place(npu).engine == "static"
    with pytest.raises(OvglmError, match=f"static engine on NPU.* has not {wish}"):
        place(npu, options)


def test_a_draft_model_is_refused(nano: Path) -> None:
    with pytest.raises(OvglmError, match="has not a draft model"):
        place(LUNAR_NPU, RuntimeOptions(draft=nano))


def test_it_has_no_choice_of_attention() -> None:
    with pytest.raises(OvglmError, match="one attention of its own"):
        place(LUNAR_NPU, with_properties(ATTENTION_BACKEND="SDPA"))


def test_prompts_of_more_than_8192_tokens_are_refused() -> None:
    long: dict[str, Any] = {"context_length": 131072}
    assert place(LUNAR_NPU, RuntimeOptions(context=8320), **long).max_prompt == 8192
    with pytest.raises(OvglmError, match="a prompt of 8193 tokens is more than the 8192"):
        place(LUNAR_NPU, RuntimeOptions(context=8321), **long)
