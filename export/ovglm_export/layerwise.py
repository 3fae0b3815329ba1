"""Runs spooled parts one after the other on the CPU, in the memory of one layer."""

from collections.abc import Callable

import numpy as np
import openvino as ov

__all__ = ["LayerwiseModel"]

# Float32 activations and cache, nothing quantised: the reference that devices are held against.
_EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
# The plugin's cache of prepared operations outlives a model: 5 MB for each layer of the 9B.
_FORGETFUL = {"CPU_RUNTIME_CACHE_CAPACITY": 0}


class LayerwiseModel:
    """A sequence of parts with one running KV cache; batch 1.

    load: gives a part by name. keep: holds the compiled parts for the next call, which is faster
    and costs the memory of the whole model.
    """

    def __init__(self, load: Callable[[str], ov.Model], names: list[str], *, keep: bool) -> None:
        self._core = ov.Core()
        self._load = load
        self._names = names
        self._keep = keep
        self._requests: dict[str, ov.InferRequest] = {}
        self._length = 0

    def reset(self) -> None:
        """Forget the tokens so far."""
        self._length = 0
        for request in self._requests.values():
            request.reset_state()

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
        request = self._requests.get(name) or self._compile(name)
        wanted = {one for port in request.model_inputs for one in port.names}
        result = request.infer({key: values[key] for key in wanted}, share_inputs=True)
        outputs = {port.any_name: np.array(result[port]) for port in request.model_outputs}
        if "hidden_out" in outputs:
            outputs["hidden"] = outputs.pop("hidden_out")
        return outputs

    def _compile(self, name: str) -> ov.InferRequest:
        """Compile a part."""
        model = self._load(name)
        properties = _EXACT if self._keep else {**_EXACT, **_FORGETFUL}
        request = self._core.compile_model(model, "CPU", properties).create_infer_request()
        if self._keep:
            self._requests[name] = request
        return request
