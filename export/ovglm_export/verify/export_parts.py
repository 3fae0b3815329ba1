"""The exported model's parts, run as the CPU runs them for a user.

A GPU or an NPU rounds activations in its own way; what they share with the CPU is the weights,
which `exact` shows alone.
"""

from collections.abc import Mapping

import numpy as np
import openvino as ov

from ovglm.errors import FolderError
from ovglm_export.layerwise import EXACT, RunningPart
from ovglm_export.verify.cut import CutModel

__all__ = ["ExportPart", "activations_of", "properties_of"]

_DYNAMIC_GROUPS = "DYNAMIC_QUANTIZATION_GROUP_SIZE"


def properties_of(model: CutModel, exact: bool) -> dict[str, str]:
    """Choose how the CPU runs the export.

    Float32 between operations and in the KV cache, so that two machines agree, as bf16 is only
    chosen where a CPU has it. The inputs of compressed matrices are rounded to 8 bits in groups,
    as for every user on the CPU: in the group size that the export asks for, else in the plugin's
    own. exact: they are not.
    """
    if exact:
        return dict(EXACT)
    rest = {name: value for name, value in EXACT.items() if name != _DYNAMIC_GROUPS}
    return rest | ({} if model.dynamic_groups is None else {_DYNAMIC_GROUPS: model.dynamic_groups})


def activations_of(model: CutModel, exact: bool) -> str:
    """Name that choice."""
    if exact:
        return "float32"
    groups = model.dynamic_groups
    if groups == "0":
        return "float32"
    return f"8 bits in groups of {groups}" if groups else "8 bits in the CPU's own groups"


class ExportPart:
    """One compiled part; name is how errors call it."""

    def __init__(self, part: ov.Model, properties: Mapping[str, str], name: str) -> None:
        names = [port.any_name for port in part.inputs]
        self._states = [name for name in names if name.startswith("hidden_")]
        self._running = RunningPart(part, properties=properties)
        self._name = name

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """Run the first part: ids int64 [B, T] in, float32 [B, T, H] out."""
        return self._run(ids.shape, {"input_ids": ids})["hidden_out"]

    def run(self, hidden: np.ndarray) -> np.ndarray:
        """Run a layer over sequences from their beginning, or the head: float32 [B, T, H] in.

        Raises FolderError where it gives NaN or infinities.
        """
        values = dict.fromkeys(self._states, hidden)
        values["input_ids"] = np.zeros(hidden.shape[:2], np.int64)
        found = self._run(hidden.shape[:2], values)
        out = found["logits"] if "logits" in found else found["hidden_out"]
        if not np.isfinite(out).all():
            raise FolderError(
                f"{self._name} of the export gives NaN or Inf on the CPU",
                "export again with --weights bf16, which keeps the checkpoint's own numbers",
            )
        return out

    def _run(
        self, shape: tuple[int, ...], values: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        batch, length = shape
        return self._running.run(
            {
                "attention_mask": np.ones((batch, length), np.int64),
                "position_ids": np.tile(np.arange(length, dtype=np.int64), (batch, 1)),
                "beam_idx": np.arange(batch, dtype=np.int32),
                **values,
            }
        )
