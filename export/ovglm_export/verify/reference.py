"""The checkpoint itself in exact float32: what an export is held against.

A layer takes its weights as inputs, as they lie mapped on the disk. As constants the plugin would
hold each in two float32 forms, 1.6 GB for a layer of the 9B.
"""

from math import prod
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from openvino.op import Constant

from ovglm.errors import CheckpointError
from ovglm_export.checkpoint import Checkpoint, Weight
from ovglm_export.graph import OV_TYPES, linear, make_model, named_input, named_output, rms_norm
from ovglm_export.hidden import Positions
from ovglm_export.layerwise import RunningPart
from ovglm_export.parts import PartBuilder
from ovglm_export.plan import EMBEDDING, HEAD

__all__ = ["ReferenceHead", "ReferenceLayer"]

# Smaller constants are no weights but the graph's own numbers, equal in all layers.
_LARGEST_NUMBER = 16
# Weights of a band of the head; as float32 they take 64 MB.
_BAND_WEIGHTS = 16 << 20


class ReferenceLayer:
    """One decoder layer of a checkpoint; scratch is an empty folder."""

    def __init__(
        self, checkpoint: Checkpoint, layer: int, positions: Positions, scratch: Path
    ) -> None:
        # It holds the arrays that the layer's weights share.
        self._builder = PartBuilder(checkpoint, {}, scratch)
        model, self._constants = _lift_weights(self._builder.decoder_layer(layer))
        self._part = RunningPart(model)
        self._positions = positions
        self._name = f"layer {layer} of {checkpoint.folder}"

    def run(self, hidden: np.ndarray) -> np.ndarray:
        """Run over sequences from their beginning: float32 [B, T, H] in and out.

        Raises CheckpointError where it gives NaN or infinities.
        """
        batch, length, _ = hidden.shape
        weights = {name: one.get_tensor_view() for name, one in self._constants.items()}
        values = {**self._positions.inputs(length), **weights, "hidden": hidden}
        values["beam_idx"] = np.arange(batch, dtype=np.int32)
        self._part.reset()
        out = self._part.run(values)["hidden_out"]
        if not np.isfinite(out).all():
            raise CheckpointError(
                f"{self._name} gives NaN or Inf in float32",
                "copy or download the checkpoint again",
            )
        return out


class ReferenceHead:
    """The final norm and the logits of a checkpoint, computed in bands of the vocabulary."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        arch = checkpoint.architecture
        self._table = checkpoint.weight(f"{EMBEDDING if arch.tied else HEAD}.weight")
        self._rows = max(1, _BAND_WEIGHTS // arch.hidden_size)
        hidden = named_input("hidden", [-1, -1, arch.hidden_size])
        band = named_input("band", [-1, arch.hidden_size], OV_TYPES[self._table.dtype])
        norm = rms_norm(hidden, checkpoint.weight("model.norm.weight"), arch.rms_eps)
        logits = linear(norm, ops.convert(band, "f32"), HEAD)
        model = make_model([named_output(logits, "logits")], [hidden, band], "reference_head")
        self._part = RunningPart(model, keep=True)

    def run(self, hidden: np.ndarray) -> np.ndarray:
        """Compute the logits of some tokens: float32 [T, H] in, [T, vocab] out."""
        table = self._table
        found = np.empty((len(hidden), table.shape[0]), np.float32)
        for start in range(0, table.shape[0], self._rows):
            band = _tensor(Weight(table.data[start : start + self._rows], table.dtype))
            part = self._part.run({"hidden": hidden[None], "band": band})
            found[:, start : start + self._rows] = part["logits"][0]
        return found


def _lift_weights(model: ov.Model) -> tuple[ov.Model, dict[str, Constant]]:
    """Turn a model's weights into inputs, named by their place; also give the constants."""
    inputs, constants = list(model.get_parameters()), {}
    for op in model.get_ordered_ops():
        shape = list(op.get_output_shape(0)) if op.get_type_name() == "Constant" else []
        if prod(shape) <= _LARGEST_NUMBER:
            continue
        name = f"weight_{len(constants)}"
        given = named_input(name, shape, op.get_output_element_type(0))
        constants[name] = op
        op.output(0).replace(given.output(0))
        inputs.append(given)
    lifted = make_model(model.get_results(), inputs, model.get_name(), model.get_sinks())
    return lifted, constants


def _tensor(weight: Weight) -> ov.Tensor:
    """Hand over a weight without a copy."""
    return ov.Tensor(weight.data, ov.Shape(list(weight.shape)), OV_TYPES[weight.dtype])
