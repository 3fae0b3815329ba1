"""The NPU's rules: what it can run, compiled for which lengths. A static engine, one at a time.

Source of the rules: OpenVINO 2026.3, "Inference with OpenVINO GenAI on NPU", and what its LLM
pipeline (2026.4.1) did through emulation. Neither says that a GLM was tried on a real NPU.
"""

from collections.abc import Mapping

from ovglm.devices.device import Device, Kind
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import Footprint, activation_bytes, cache_bytes_per_token
from ovglm.devices.npu_notes import note_npu
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.policy import EngineKind, PropertyValue
from ovglm.devices.precision import check_precision
from ovglm.devices.properties import USUAL_RESPONSE
from ovglm.devices.window import Window, check_context
from ovglm.errors import OvglmError

__all__ = ["NpuPolicy"]

# The library's own MAX_PROMPT_LEN, and the prompt tokens that it computes in one step.
_USUAL_PROMPT = 1024
_USUAL_CHUNK = 1024
# Longer prompts are a preview for some models, and failed to load in OpenVINO Model Server 2026.3.
_LONGEST_PROMPT = 8192
# Core Ultra Series 2 and later run NF4; the number is the plugin's name of that generation.
_FIRST_WITH_NF4 = 4000
# The file's weights and the compiled ones are both held while compiling.
_COPIES = 2
# The CPU that emulates keeps INT4 weights as f32, and more while it compiles: 9.6 measured.
_EMULATED_COPIES = 10
_EMULATION: Mapping[str, PropertyValue] = {
    "NPU_USE_NPUW": "YES",
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
}


class NpuPolicy:
    """Rules of OpenVINO's NPU plugin, as openvino.genai's LLMPipeline drives it."""

    kind: Kind = "NPU"
    keeps_compiled = True

    def accepts(self, facts: ModelFacts, device: Device) -> str:
        """Refuse before compiling: the compiler would abort the process on some recipes."""
        if reason := facts.illegal.get("NPU", ""):
            return reason
        if facts.vision and (reason := facts.vision.illegal_on("NPU")):
            return reason
        nf4 = sorted(label for label in facts.formats if label.startswith("nf4"))
        if nf4 and any("per channel" not in label for label in nf4):
            return f"the NPU wants NF4 with one scale per channel, not {nf4[0]}"
        if nf4 and not _has_nf4(device):
            return f"{device.name} does not run NF4; Core Ultra Series 2 and later NPUs do"
        return ""

    def check(self, device: Device, options: RuntimeOptions) -> None:
        """Refuse what one compiled shape on an NPU cannot do."""
        check_precision(device, options)
        given = dict(options.properties)
        refused = (
            (options.threads is not None, f"--threads {options.threads} is for the CPU"),
            ("ATTENTION_BACKEND" in given, "the NPU has one attention of its own"),
            (
                options.kv_cache not in (None, *_cache_formats(device)),
                f"the NPU keeps its KV cache in f16, not in {options.kv_cache}",
            ),
        )
        for is_asked, reason in refused:
            if is_asked:
                raise OvglmError(reason, "leave that out, or --device CPU")

    def engine(self, options: RuntimeOptions) -> EngineKind:
        """Answer one at a time: batch 1 is the pipeline's limit."""
        return "static"

    def footprint(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> Footprint:
        """Count both compiled models' caches; the prompt's is rounded up to whole chunks."""
        copies = _EMULATED_COPIES if device.is_emulated else _COPIES
        cache = 2 * cache_bytes_per_token(facts, options.kv_cache or "f16", "NPU")
        prompt = self.window(facts, options, None).max_prompt
        step = min(prompt, _chunk(options)) if _is_chunked(options) else prompt
        workspace = activation_bytes(facts, step) + cache * step
        return Footprint(copies * facts.weights_bytes, workspace, cache)

    def window(self, facts: ModelFacts, options: RuntimeOptions, most_tokens: int | None) -> Window:
        """Compile for 1024 + 128 tokens, or for what is asked; a short prompt leaves more room."""
        check_context(options, facts.context_length)
        wanted = _USUAL_PROMPT + (options.max_response or USUAL_RESPONSE)
        context = options.context or min(facts.context_length, wanted)
        response = options.max_response or min(USUAL_RESPONSE, context // 2)
        window = Window(context, context - response)
        _check_prompt(window, options)
        return window

    def properties(
        self, facts: ModelFacts, device: Device, options: RuntimeOptions
    ) -> Mapping[str, PropertyValue]:
        """Name lengths, hints and where it runs; nothing is left to fall back to another device."""
        window = self.window(facts, options, None)
        told: dict[str, PropertyValue] = {
            "MAX_PROMPT_LEN": window.max_prompt,
            "MIN_RESPONSE_LEN": window.context - window.max_prompt,
            "PREFILL_HINT": "DYNAMIC",
            "GENERATE_HINT": "FAST_COMPILE",
            **(_EMULATION if device.is_emulated else {"NPUW_DEVICES": "NPU"}),
        }
        if window.max_prompt > _USUAL_CHUNK and _is_chunked(options):
            told["NPUW_LLM_PREFILL_CHUNK_SIZE"] = _USUAL_CHUNK
        if options.cache:
            told["CACHE_MODE"] = "OPTIMIZE_SPEED"
        if options.kv_cache:
            told["KV_CACHE_PRECISION"] = options.kv_cache
        # f16 is how an NPU calculates anyway; only an emulated one has got f32, too
        if options.precision == "f32":
            told["INFERENCE_PRECISION_HINT"] = "f32"
        return told

    def notes(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> tuple[str, ...]:
        """Tell of emulation, sizes and drivers."""
        return note_npu(facts, device, self.window(facts, options, None))


def _has_nf4(device: Device) -> bool:
    return device.architecture.isdigit() and int(device.architecture) >= _FIRST_WITH_NF4


def _cache_formats(device: Device) -> tuple[str, ...]:
    """Give the cache's formats that gave right answers; u8 loads, and answers in rubbish."""
    return ("f16", "f32") if device.is_emulated else ("f16",)


def _is_chunked(options: RuntimeOptions) -> bool:
    return ("PREFILL_HINT", "STATIC") not in options.properties


def _chunk(options: RuntimeOptions) -> int:
    """Give the prompt tokens of one step; raises OvglmError where that is no power of two."""
    text = dict(options.properties).get("NPUW_LLM_PREFILL_CHUNK_SIZE", str(_USUAL_CHUNK))
    if not (text.isascii() and text.isdigit() and int(text).bit_count() == 1):
        raise OvglmError(
            f"NPUW_LLM_PREFILL_CHUNK_SIZE is {text}, and must be a power of two",
            hint=f"--property NPUW_LLM_PREFILL_CHUNK_SIZE={_USUAL_CHUNK}",
        )
    return int(text)


def _check_prompt(window: Window, options: RuntimeOptions) -> None:
    """Refuse a prompt that is too long for any NPU, and a chunk that would be ignored."""
    if window.max_prompt > _LONGEST_PROMPT:
        raise OvglmError(
            f"a prompt of {window.max_prompt} tokens is more than the {_LONGEST_PROMPT} that NPUs "
            "are known to load",
            hint=f"--context {_LONGEST_PROMPT}, or --device GPU,CPU",
        )
    if "NPUW_LLM_PREFILL_CHUNK_SIZE" not in dict(options.properties):
        return
    chunk = _chunk(options)
    if chunk >= window.max_prompt or not _is_chunked(options):
        why = "PREFILL_HINT=STATIC has no chunks"
        if _is_chunked(options):
            why = f"prompts of {window.max_prompt} tokens are one step anyway"
        raise OvglmError(
            f"NPUW_LLM_PREFILL_CHUNK_SIZE={chunk} would be ignored: {why}",
            "leave out NPUW_LLM_PREFILL_CHUNK_SIZE",
        )
