"""The GPU's rules: every recipe runs; threads are the CPU's. From documents, not from trials."""

from collections.abc import Mapping

from ovglm.devices.device import Device, Kind
from ovglm.devices.facts import ModelFacts
from ovglm.devices.fit import STEP_TOKENS, Footprint, activation_bytes, cache_bytes_per_token
from ovglm.devices.options import CachePrecision, RuntimeOptions
from ovglm.devices.policy import EngineKind, PropertyValue
from ovglm.devices.precision import check_precision
from ovglm.devices.window import Window, paged_window
from ovglm.errors import OvglmError

__all__ = ["GpuPolicy", "is_intel"]

_CACHES: tuple[CachePrecision, ...] = ("u8", "f16")
# The plugin picks u8 or f16 by the GPU's generation; the larger one is reckoned with.
_LARGEST_USUAL_CACHE: CachePrecision = "f16"


class GpuPolicy:
    """Rules of OpenVINO's GPU plugin, for integrated and discrete GPUs."""

    kind: Kind = "GPU"
    keeps_compiled = True

    def accepts(self, facts: ModelFacts, device: Device) -> str:
        """Accept what the folder itself does not exclude."""
        return facts.illegal.get("GPU", "")

    def check(self, device: Device, options: RuntimeOptions) -> None:
        """Refuse threads, and formats that the GPU lacks."""
        check_precision(device, options)
        if options.threads is not None:
            raise OvglmError(
                f"--threads {options.threads} is for the CPU; {device.id} has none to set",
                hint="leave out --threads, or --device CPU",
            )
        if options.kv_cache not in (None, *_CACHES):
            raise OvglmError(
                f"the GPU keeps its KV cache in {' or '.join(_CACHES)}, not in {options.kv_cache}",
                hint="--kv-cache f16",
            )

    def engine(self, options: RuntimeOptions) -> EngineKind:
        """Serve from pages, or one at a time with the attention called SDPA."""
        is_stateful = ("ATTENTION_BACKEND", "SDPA") in options.properties
        return "static" if is_stateful else "paged"

    def footprint(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> Footprint:
        """Count the weights once; a whole prompt is one step where attention is stateful."""
        cache = cache_bytes_per_token(facts, options.kv_cache or _LARGEST_USUAL_CACHE, "GPU")
        workspace = activation_bytes(facts, STEP_TOKENS)
        if self.engine(options) == "paged":
            return Footprint(facts.weights_bytes, workspace, cache)
        per_token = activation_bytes(facts, 1) - activation_bytes(facts, 0)
        return Footprint(facts.weights_bytes, workspace, cache, per_token)

    def window(self, facts: ModelFacts, options: RuntimeOptions, most_tokens: int | None) -> Window:
        """Let the prompt fill all that the reply does not need."""
        return paged_window(facts.context_length, options, most_tokens)

    def properties(
        self, facts: ModelFacts, device: Device, options: RuntimeOptions
    ) -> Mapping[str, PropertyValue]:
        """Name what is asked for; the plugin chooses the rest by the GPU's generation."""
        told: dict[str, PropertyValue] = {}
        if options.kv_cache:
            told["KV_CACHE_PRECISION"] = options.kv_cache
        if options.precision:
            told["INFERENCE_PRECISION_HINT"] = options.precision
        return told

    def notes(self, facts: ModelFacts, device: Device, options: RuntimeOptions) -> tuple[str, ...]:
        """Say where the GPU is of another maker than the plugin's."""
        if is_intel(device):
            return ()
        return (f"{device.name} is not Intel's; OpenVINO's GPU plugin is made for Intel GPUs",)


def is_intel(device: Device) -> bool:
    """Whether a GPU is Intel's: the plugin lists every maker's that has an OpenCL driver."""
    return "Intel" in device.name
