"""The CPU's rules: every recipe runs; the cache is in u8 unless another format is asked for."""

import os
from collections.abc import Mapping

from ovglm.devices.device import Device, Kind
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import STEP_TOKENS, Footprint, activation_bytes, cache_bytes_per_token
from ovglm.devices.options import CachePrecision, Precision, RuntimeOptions
from ovglm.devices.policy import EngineKind, PropertyValue
from ovglm.devices.precision import check_precision
from ovglm.devices.window import Window, paged_window
from ovglm.errors import OvglmError

__all__ = ["CpuPolicy"]

# The plugin's own default for its cache; half of f16, and as fast.
_USUAL_CACHE: CachePrecision = "u8"
# f32 values per prompt token as multiples of the hidden size where a prompt is one step: 28.6
# measured with stateful attention at 4096 tokens.
_STATEFUL_ACTIVATIONS = 30
# The plugin keeps the operations of every number of tokens that a step ever had, 1 MB for each with
# GLM-Edge-1.5B's shape, the latest 5000 in all: a server of mixed prompts grows for hours. 256 are
# about 50 numbers of tokens; nano is as fast with them, 8 and 32 mixed prompts at a time.
_KEPT_OPERATIONS = 256
_KEPT_BYTES = 64 << 20


class CpuPolicy:
    """Rules of OpenVINO's CPU plugin.

    The activations' groups need no property: an INT4 folder asks for its weights' own groups.
    Compiled models are not kept: reading one back (1.5 to 1.9 s, 919 MB for GLM-Edge-1.5B's shape)
    takes longer than compiling (1.0 to 1.3 s).
    """

    kind: Kind = "CPU"
    keeps_compiled = False

    def accepts(self, facts: ModelFacts, device: Device) -> str:
        """Accept what the folder itself does not exclude."""
        return facts.illegal.get("CPU", "")

    def check(self, device: Device, options: RuntimeOptions) -> None:
        """Refuse formats that this CPU does not calculate in, and more threads than it has."""
        check_precision(device, options)
        computed: Precision = options.precision or _usual_precision(device)
        # the paged attention aborts the load on any other pair
        if options.kv_cache not in (None, "u8", "f16", computed):
            raise OvglmError(
                f"--kv-cache {options.kv_cache} does not go with calculating in {computed} on the "
                "CPU",
                hint=f"--kv-cache {options.kv_cache} --precision {options.kv_cache}"
                if options.kv_cache == "f32"
                else "--kv-cache f16",
            )
        most = os.cpu_count() or 1
        if options.threads is not None and options.threads > most:
            raise OvglmError(
                f"--threads {options.threads} is more than the {most} of this machine",
                hint=f"--threads {most}",
            )

    def engine(self, options: RuntimeOptions) -> EngineKind:
        """Serve from pages, or one at a time with the attention called SDPA."""
        is_stateful = ("ATTENTION_BACKEND", "SDPA") in options.properties
        return "static" if is_stateful else "paged"

    def footprint(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> Footprint:
        """Count the weights once: the plugin's copy; the file itself is only mapped."""
        cache = cache_bytes_per_token(facts, options.kv_cache or _USUAL_CACHE, "CPU")
        if self.engine(options) == "paged":
            workspace = _KEPT_BYTES + activation_bytes(facts, STEP_TOKENS)
            return Footprint(facts.weights_bytes, workspace, cache)
        workspace = _KEPT_BYTES + activation_bytes(facts, 0)
        per_token = _STATEFUL_ACTIVATIONS * facts.hidden * 4
        return Footprint(facts.weights_bytes, workspace, cache, per_token)

    def window(self, facts: ModelFacts, options: RuntimeOptions, most_tokens: int | None) -> Window:
        """Let the prompt fill all that the reply does not need."""
        return paged_window(facts.context_length, options, most_tokens)

    def properties(
        self, facts: ModelFacts, device: Device, options: RuntimeOptions
    ) -> Mapping[str, PropertyValue]:
        """Name the cache's format and the kept kernels always, the rest where it is asked for."""
        told: dict[str, PropertyValue] = {
            "KV_CACHE_PRECISION": options.kv_cache or _USUAL_CACHE,
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_OPERATIONS,
        }
        if options.precision:
            told["INFERENCE_PRECISION_HINT"] = options.precision
        if options.threads:
            told["INFERENCE_NUM_THREADS"] = options.threads
        return told

    def notes(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> tuple[str, ...]:
        """Have nothing to add."""
        return ()


def _usual_precision(device: Device) -> Precision:
    """Give what the plugin calculates in by itself: bf16 where the CPU has instructions for it."""
    return "bf16" if "BF16" in device.precisions else "f32"
