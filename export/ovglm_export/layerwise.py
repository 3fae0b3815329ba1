"""Runs parts on the CPU in exact float32: one part, or spooled ones in turn."""

from collections.abc import Callable, Mapping

import numpy as np
import openvino as ov

from ovglm.signal_stack import kept_signal_stack

__all__ = ["EXACT", "NATIVE", "LayerwiseModel", "RunningPart"]

# Float32 activations and cache, nothing quantised: the reference that devices are held against.
EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
# Multiplications in the type that the processor is fastest in, which is bfloat16 where it has that.
NATIVE = {name: value for name, value in EXACT.items() if name != "INFERENCE_PRECISION_HINT"}
# The plugin's cache of prepared operations outlives a model: 5 MB for each layer of the 9B.
_FORGETFUL = {"CPU_RUNTIME_CACHE_CAPACITY": 0}


class RunningPart:
    """A compiled part; a layer's KV cache runs on from call to call until `reset`.

    keep: it will be called many times, so the plugin may keep prepared operations.
    properties: of the CPU plugin.
    """

    def __init__(
        self, model: ov.Model, *, keep: bool = False, properties: Mapping[str, str] = EXACT
    ) -> None:
        told = dict(properties) if keep else {**properties, **_FORGETFUL}
        with kept_signal_stack():
            compiled = ov.Core().compile_model(model, "CPU", told)
        self._request = compiled.create_infer_request()
        self._inputs = [port.any_name for port in compiled.inputs]
        self._outputs = [port.any_name for port in compiled.outputs]

    def reset(self) -> None:
        """Forget the tokens so far."""
        self._request.reset_state()

    def run(self, values: Mapping[str, np.ndarray | ov.Tensor]) -> dict[str, np.ndarray]:
        """Run once: takes what the part asks for by name, returns copies of its named outputs."""
        wanted = {name: values[name] for name in self._inputs}
        result = self._request.infer(wanted, share_inputs=True)
        return {name: np.array(result[at]) for at, name in enumerate(self._outputs)}


class LayerwiseModel:
    """A sequence of parts with one running KV cache; batch 1.

    load: gives a part by name. keep: holds the compiled parts for the next call, which is faster
    and costs the memory of the whole model.
    """

    def __init__(self, load: Callable[[str], ov.Model], names: list[str], *, keep: bool) -> None:
        self._load = load
        self._names = names
        self._keep = keep
        self._parts: dict[str, RunningPart] = {}
        self._length = 0

    def reset(self) -> None:
        """Forget the tokens so far."""
        self._length = 0
        for part in self._parts.values():
            part.reset()

    def forward(self, ids: list[int], on_part: Callable[[], None]) -> np.ndarray:
        """Run new tokens; returns their logits, float32 [tokens, vocab].

        Without `keep` each call starts a new sequence. on_part is called after each part.
        """
        if not self._keep:
            self._length = 0
        total = self._length + len(ids)
        inputs: dict[str, np.ndarray] = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, total), np.int64),
            "position_ids": np.arange(self._length, total, dtype=np.int64)[None],
            "beam_idx": np.zeros(1, np.int32),
        }
        for name in self._names:
            inputs |= self._run(name, inputs)
            on_part()
        self._length = total
        return inputs["logits"][0]

    def _run(self, name: str, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run one part; a layer's hidden_out is the next one's hidden."""
        part = self._parts.get(name) or RunningPart(self._load(name), keep=self._keep)
        if self._keep:
            self._parts[name] = part
        outputs = part.run(values)
        if "hidden_out" in outputs:
            outputs["hidden"] = outputs.pop("hidden_out")
        return outputs
