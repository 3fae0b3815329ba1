"""A hand-made model whose next token is always the last one plus one, and a vocabulary for it.

Ids 0 to 25 are the letters, 26 to 28 the bytes of 你, 29 to 31 a blank, `!` and `?`; 31 leads to 0.
"""

import json
from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as op

from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.placement import MemoryNeed, Placement
from ovglm.tokens import byte_to_char

__all__ = ["STOP_ID", "WIDTH", "counting_facts", "make_placement", "write_counting_model"]

WIDTH = 32
STOP_ID = 20
CONTEXT = 512
_BYTES = b"abcdefghijklmnopqrstuvwxyz" + "你 !?".encode()


def write_counting_model(folder: Path) -> Path:
    """Write the model and its tokenizer into `folder`."""
    model = _counting_model()
    openvino.save_model(model, str(folder / "openvino_model.xml"), compress_to_fp16=False)
    (folder / "config.json").write_text('{"model_type": "glm"}')
    order = [*_BYTES, *(byte for byte in range(256) if byte not in _BYTES)]
    vocabulary = {byte_to_char()[byte]: number for number, byte in enumerate(order)}
    document = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": False,
        },
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(document))
    return folder


def counting_facts(folder: Path) -> ModelFacts:
    """Say of the model what choosing a device would find out."""
    return ModelFacts(
        name="counting", folder=folder, weights_bytes=17_000, layers=1, kv_heads=1,
        head_dim=WIDTH, hidden=WIDTH, vocabulary=WIDTH, context_length=CONTEXT,
        stop_ids=(STOP_ID, WIDTH - 1), dialect="glm4", fingerprint="0" * 64, recipe="bf16",
    )  # fmt: skip


def make_placement(
    engine: str = "paged", context: int = CONTEXT, cache_tokens: int = 0, **properties: str | int
) -> Placement:
    """Place a model on the CPU, for the paged engine or for the static one."""
    backend = {} if engine == "paged" else {"ATTENTION_BACKEND": "SDPA"}
    return Placement(
        device=Device("CPU", "a CPU", "CPU"),
        engine="paged" if engine == "paged" else "static",
        reason="a test wants it",
        context=context,
        max_prompt=context - 1,
        need=MemoryNeed(0, 0, 0),
        cache_tokens=cache_tokens or 4 * context,
        properties={**backend, **properties},
    )


def _linear(x: openvino.Node, weight: np.ndarray) -> openvino.Node:
    return op.matmul(x, op.constant(weight.astype(np.float32)), False, True)


def _heads(x: openvino.Node) -> openvino.Node:
    split = op.reshape(x, op.constant([0, 0, 1, WIDTH]), special_zero=True)
    return op.transpose(split, op.constant([0, 2, 1, 3]))


def _causal_mask(ids: openvino.Node, attention_mask: openvino.Node) -> openvino.Node:
    zero, one = op.constant(np.int64(0)), op.constant(np.int64(1))
    fresh = op.gather(op.shape_of(ids), one, zero)
    total = op.gather(op.shape_of(attention_mask), one, zero)
    columns = op.range(zero, total, one, "i64")
    rows = op.add(op.range(zero, fresh, one, "i64"), op.subtract(total, fresh))
    visible = op.less_equal(op.unsqueeze(columns, zero), op.unsqueeze(rows, one))
    seen = op.unsqueeze(op.convert(attention_mask, "boolean"), op.constant([1, 2]))
    both = op.logical_and(op.unsqueeze(visible, op.constant([0, 1])), seen)
    return op.select(both, op.constant(np.float32(0)), op.constant(np.float32(-65504)))


def _cached(
    x: openvino.Node, beam: openvino.Node, name: str
) -> tuple[openvino.Node, openvino.Node]:
    variable = f"past_key_values.0.{name}present.0.{name}"
    batch = op.gather(op.shape_of(x), op.constant([0]), op.constant(0))
    shape = op.concat([batch, op.constant(np.array([1, 0, WIDTH], np.int64))], 0)
    start = op.broadcast(op.constant(np.float32(0)), shape)
    past = op.read_value(start, variable, np.float32, openvino.PartialShape([-1, 1, -1, WIDTH]))
    joined = op.concat([op.gather(past, beam, op.constant(0)), x], 2)
    return joined, op.assign(joined, variable)


def _counting_model() -> openvino.Model:
    names = ("input_ids", "attention_mask", "position_ids")
    inputs = [op.parameter([-1, -1], np.int64, name=name) for name in names]
    inputs.append(op.parameter([-1], np.int32, name="beam_idx"))
    for parameter, name in zip(inputs, (*names, "beam_idx"), strict=True):
        parameter.output(0).tensor.set_names({name})
    ids, mask, positions, beam = inputs
    random = np.random.default_rng(0)
    hidden = op.gather(op.constant(np.eye(WIDTH, dtype=np.float32)), ids, op.constant(0))
    query, key, value = (
        _heads(_linear(hidden, random.normal(size=(WIDTH, WIDTH)))) for _ in range(3)
    )
    place = op.unsqueeze(op.convert(positions, np.float32), op.constant([1, 3]))
    query = op.add(query, op.multiply(place, op.constant(np.float32(1e-3))))
    key, key_sink = _cached(key, beam, "key")
    value, value_sink = _cached(value, beam, "value")
    attended = op.scaled_dot_product_attention(query, key, value, _causal_mask(ids, mask))
    flat = op.reshape(
        op.transpose(attended, op.constant([0, 2, 1, 3])),
        op.constant([0, 0, WIDTH]),
        special_zero=True,
    )
    hidden = op.add(hidden, op.multiply(flat, op.constant(np.float32(1e-3))))
    logits = _linear(hidden, 10 * np.roll(np.eye(WIDTH), 1, axis=0))
    logits.output(0).tensor.set_names({"logits"})
    sinks = [key_sink, value_sink]
    # the stubs of Model contradict themselves
    return openvino.Model([op.result(logits)], sinks, inputs, "counting")  # pyright: ignore
