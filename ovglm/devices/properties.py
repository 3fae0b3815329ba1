"""The user's own --property KEY=VALUE: known names only, and one road to each setting."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ovglm.devices.device import Device
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

__all__ = ["USUAL_RESPONSE", "settle_options"]

# The library's own MIN_RESPONSE_LEN: the NPU's answer, where nothing else is asked for.
USUAL_RESPONSE = 128

# Known to openvino.genai's pipelines or to OpenVINO's core, not to the plugins.
_PIPELINE_VALUES: Mapping[str, tuple[str, ...]] = {
    "ATTENTION_BACKEND": ("PA", "SDPA"),
    "CACHE_MODE": ("OPTIMIZE_SPEED", "OPTIMIZE_SIZE"),
}
# The NPU's LLM pipeline ignores unknown names in silence; an empty tuple allows any value.
# NPUW_DEVICES is not here: it would send the work to another device.
_NPU_VALUES: Mapping[str, tuple[str, ...]] = {
    "PREFILL_HINT": ("DYNAMIC", "STATIC"),
    "GENERATE_HINT": ("FAST_COMPILE", "BEST_PERF"),
    "NPUW_LLM_PREFILL_CHUNK_SIZE": (),
    "NPUW_LLM_ENABLE_PREFIX_CACHING": ("YES", "NO"),
    "NPUW_LLM_PREFIX_CACHING_BLOCK_SIZE": (),
    "NPUW_LLM_PREFIX_CACHING_MAX_NUM_BLOCKS": (),
    "NPUW_LLM_PREFILL_ATTENTION_HINT": (),
    "NPUW_LLM_GENERATE_ATTENTION_HINT": (),
    "NPUW_LLM_SHARED_HEAD": ("YES", "NO"),
    "NPUW_LLM_OPTIMIZE_V_TENSORS": ("YES", "NO"),
    "NPUW_LLM_CACHE_ROPE": ("YES", "NO"),
    "NPUW_ONLINE_PIPELINE": (),
    "NPUW_DQ": ("YES", "NO"),
    "NPUW_DQ_FULL": ("YES", "NO"),
    "NPUW_F16IC": ("YES", "NO"),
    "NPUW_FOLD": ("YES", "NO"),
    "NPUW_CWAI": ("YES", "NO"),
    "NPUW_FUNCALL_ASYNC": ("YES", "NO"),
    "NPUW_PARALLEL_COMPILE": ("YES", "NO"),
    "NPUW_UNFOLD_IREQS": ("YES", "NO"),
    "NPUW_WEIGHTS_BANK_ALLOC": (),
    "NPU_COMPILATION_MODE_PARAMS": (),
    "NPU_COMPILER_TYPE": (),
    "NPU_TURBO": ("YES", "NO"),
}
# Settings that have an option of their own: property, field of RuntimeOptions, type.
_FIELDS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("KV_CACHE_PRECISION", "kv_cache", str),
    ("INFERENCE_PRECISION_HINT", "precision", str),
    ("INFERENCE_NUM_THREADS", "threads", int),
    ("CACHE_DIR", "cache_dir", Path),
)
_NPU_FIELDS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("MIN_RESPONSE_LEN", "max_response", int),
)


def settle_options(device: Device, options: RuntimeOptions) -> RuntimeOptions:
    """Move properties that have an option of their own to that option, and check the others.

    Raises OvglmError for a name or value that the device does not know, for a name that is given
    twice, and for a setting that is given both ways.
    """
    given: dict[str, str] = {}
    for name, value in options.properties:
        if name in given:
            raise OvglmError(f"--property {name} is given twice", f"--property {name}={value}")
        given[name] = value
    changes: dict[str, Any] = {}
    for name, field, convert in (*_FIELDS, *(_NPU_FIELDS if device.kind == "NPU" else ())):
        if name in given:
            _refuse_two_ways(name, field, options)
            changes[field] = _convert(name, given.pop(name), convert)
    if device.kind == "NPU" and "MAX_PROMPT_LEN" in given:
        _refuse_two_ways("MAX_PROMPT_LEN", "context", options)
        prompt = _convert("MAX_PROMPT_LEN", given.pop("MAX_PROMPT_LEN"), int)
        response = changes.get("max_response") or options.max_response or USUAL_RESPONSE
        changes |= {"context": prompt + response, "max_response": response}
    for name, value in given.items():
        _check(device, name, value)
    return replace(options, **changes, properties=tuple(given.items()))


def _refuse_two_ways(name: str, field: str, options: RuntimeOptions) -> None:
    flag = "--" + field.replace("_", "-")
    if getattr(options, field) is not None:
        raise OvglmError(f"--property {name} and {flag} set the same thing", f"leave out {name}")


def _convert(name: str, text: str, convert: Callable[[str], Any]) -> Any:
    """Read a value; numbers are whole and above 0."""
    if convert is not int:
        return convert(text)
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise OvglmError(f"{name} is {text!r}, not a whole number above 0")
    return int(text)


def _check(device: Device, name: str, value: str) -> None:
    """Refuse an unknown name with those most like it, and a value that would be ignored."""
    listed = {**_PIPELINE_VALUES, **(_NPU_VALUES if device.kind == "NPU" else {})}
    if name not in listed and name not in device.properties:
        known = sorted({*listed, *device.properties})
        near = get_close_matches(name.upper(), known, n=3)
        raise OvglmError(
            f"{device.id} has no property {name}" + (f"; near it: {', '.join(near)}" * bool(near)),
            hint=f"--property {near[0]}={value}" if near else "ovglm devices --json lists them",
        )
    if (values := listed.get(name)) and value not in values:
        raise OvglmError(
            f"{name} is {value!r}, not one of {', '.join(values)}",
            hint=f"--property {name}={values[0]}",
        )
