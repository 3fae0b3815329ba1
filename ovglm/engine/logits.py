"""A model compiled without paging: it gives the logits behind every token, one reader at a time.

The paged pipeline gives those of the tokens that it chose; scores of given tokens need all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from ovglm.engine.text import Likeliest
from ovglm.engine.vision.build import load_embeddings
from ovglm.signal_stack import kept_signal_stack
from ovglm.vision_facts import LANGUAGE_FILE

__all__ = ["LogitsModel", "Reading", "likeliest", "logarithms"]

# What is only for a pipeline, or would write into the compiled model's own folder.
_NOT_FOR_COMPILING = ("ATTENTION_BACKEND", "CACHE_DIR")
_EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "KV_CACHE_PRECISION": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}
# Logits that one inference may make: 32 MiB, and as much again for each step of the softmax.
_MOST_LOGITS = 1 << 23
_MOST_TOKENS = 512
ToInputs = Callable[[np.ndarray], Mapping[str, np.ndarray]]


class LogitsModel:
    """Compiles when it is first used, which takes the memory of the weights."""

    def __init__(
        self, folder: Path, device: str, properties: Mapping[str, Any], *, exact: bool
    ) -> None:
        """properties: of the engine; what concerns only a pipeline is left out.

        exact: calculate in float32 throughout, whatever the properties say.
        """
        self.path = folder / "openvino_model.xml"
        self._table_folder: Path | None = None
        if (folder / LANGUAGE_FILE).is_file():
            self.path, self._table_folder = folder / LANGUAGE_FILE, folder
        self._device = device
        self._properties = {
            name: value for name, value in properties.items() if name not in _NOT_FOR_COMPILING
        }
        if exact:
            self._properties |= _EXACT
        self._compiled: Any = None
        self._to_inputs: ToInputs = _as_ids

    def start(self) -> "Reading":
        """Begin to read a text; several may be under way. Raises RuntimeError as the runtime."""
        if self._compiled is None:
            with kept_signal_stack():
                self._compiled = self._compile()
        vocabulary = self._compiled.output("logits").get_partial_shape()[-1]
        size = vocabulary.get_length() if vocabulary.is_static else _MOST_LOGITS // 64
        return Reading(self._compiled.create_infer_request(), size, self._to_inputs)

    def close(self) -> None:
        """Free the model once no reading needs it."""
        self._compiled, self._to_inputs = None, _as_ids

    def _compile(self) -> Any:
        """Compile the model, and the table of one that takes pictures, which has it apart."""
        core = openvino.Core()
        if self._table_folder is not None:
            table = load_embeddings(self._table_folder, core)
            self._to_inputs = lambda rows: {"inputs_embeds": table.of(rows)}
        return core.compile_model(self.path, self._device, self._properties)


class Reading:
    """One text on its way through the model, with a KV cache of its own.

    read: how many of its tokens the model has read.
    """

    def __init__(self, request: Any, vocabulary: int, to_inputs: ToInputs) -> None:
        """to_inputs: gives the model's first input for rows of ids."""
        self.read = 0
        self._request = request
        self._to_inputs = to_inputs
        self._most_rows = max(1, _MOST_LOGITS // vocabulary)
        self._rows = 1

    def go_on(self, ids: Sequence[int], wanted: int) -> Iterator[np.ndarray]:
        """Read `ids`; give the log-probabilities behind the last `wanted` of them.

        They come as float32 arrays [places, vocabulary], piece by piece and in order.
        """
        step = min(self._most_rows, _MOST_TOKENS)
        for start in range(0, len(ids), step):
            piece = ids[start : start + step]
            logits = self._infer(np.asarray([piece], dtype=np.int64))
            if (first := len(ids) - wanted - start) < len(piece):
                yield logarithms(logits[0, max(first, 0) :])

    def branch(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Read several ways on from here side by side, `rows` of ids [ways, length].

        Gives float32 arrays [ways, places, vocabulary], in order. Nothing can be read after it
        but further tokens of the same ways.
        """
        step = max(1, min(self._most_rows // len(rows), _MOST_TOKENS))
        for start in range(0, rows.shape[1], step):
            yield logarithms(self._infer(rows[:, start : start + step]))

    def _infer(self, rows: np.ndarray) -> np.ndarray:
        """Run the model once; where there are more rows than before, all go on from the first."""
        count, length = rows.shape
        end = self.read + length
        order = np.arange(count) if count == self._rows else np.zeros(count)
        results = self._request.infer(
            {
                **self._to_inputs(rows.astype(np.int64)),
                "attention_mask": np.ones((count, end), dtype=np.int64),
                "position_ids": np.arange(self.read, end, dtype=np.int64)[None].repeat(count, 0),
                "beam_idx": order.astype(np.int32),
            }
        )
        self.read, self._rows = end, count
        return results["logits"]


def _as_ids(rows: np.ndarray) -> Mapping[str, np.ndarray]:
    return {"input_ids": rows}


def logarithms(logits: np.ndarray) -> np.ndarray:
    """Turn logits [..., vocabulary] into natural logarithms of probabilities."""
    shifted = logits.astype(np.float32) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def likeliest(place: np.ndarray, count: int) -> Likeliest:
    """Give the `count` largest of the logarithms [vocabulary] in one place, best first."""
    count = min(count, len(place))
    found = np.argpartition(-place, count - 1)[:count]
    ordered = found[np.argsort(-place[found], kind="stable")]
    return tuple((int(token), float(place[token])) for token in ordered)
