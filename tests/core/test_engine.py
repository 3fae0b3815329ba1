"""The paged engine, on a hand-made model whose next token is always the last one plus one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as op

from ovglm.engine import Engine, load_paged_engine
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling
from ovglm.testing import FakeEngine

WIDTH = 32
STOP_ID = 20


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counting")
    model = _counting_model()
    openvino.save_model(model, str(folder / "openvino_model.xml"), compress_to_fp16=False)
    (folder / "config.json").write_text('{"model_type": "glm"}')
    return folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return load_paged_engine(folder, "CPU", [STOP_ID, WIDTH - 1])


def _ids(chunks: Iterator[Chunk]) -> tuple[list[int], str | None]:
    ids: list[int] = []
    reason = None
    for chunk in chunks:
        assert reason is None, "nothing may follow the chunk with the reason"
        ids.extend(chunk.token_ids)
        reason = chunk.finish_reason
    return ids, reason


def test_a_stop_id_ends_the_answer_and_is_not_part_of_it(engine: Engine) -> None:
    assert _ids(engine.generate([3, 16], Sampling())) == ([17, 18, 19], "stop")


def test_every_stop_id_counts_not_only_the_first(engine: Engine) -> None:
    assert _ids(engine.generate([28], Sampling())) == ([29, 30], "stop")


def test_the_token_limit_ends_the_answer(engine: Engine) -> None:
    assert _ids(engine.generate([3], Sampling(max_new_tokens=4))) == ([4, 5, 6, 7], "length")


def test_a_prompt_that_ends_before_a_stop_id_gives_an_empty_answer(engine: Engine) -> None:
    assert _ids(engine.generate([STOP_ID - 1], Sampling())) == ([], "stop")


def test_the_first_id_comes_before_the_answer_is_complete(engine: Engine) -> None:
    chunks = engine.generate([1], Sampling(max_new_tokens=8))
    assert next(chunks) == Chunk((2,))


def test_closing_the_answer_early_leaves_the_engine_usable(engine: Engine) -> None:
    chunks = engine.generate([21], Sampling(max_new_tokens=5))
    next(chunks)
    chunks.close()
    assert _ids(engine.generate([5], Sampling(max_new_tokens=1))) == ([6], "length")


def test_sampling_with_one_seed_repeats_itself(engine: Engine) -> None:
    sampling = Sampling(max_new_tokens=6, temperature=2.0, top_k=20, seed=7)
    assert _ids(engine.generate([1], sampling)) == _ids(engine.generate([1], sampling))


def test_an_error_of_the_runtime_reaches_the_caller(engine: Engine) -> None:
    with pytest.raises(RuntimeError):
        list(engine.generate([], Sampling()))


def test_an_engine_without_stop_ids_is_refused(folder: Path) -> None:
    with pytest.raises(OvglmError, match="no stop id"):
        load_paged_engine(folder, "CPU", [])


def test_the_fake_engine_ends_as_a_real_one_does() -> None:
    fake = FakeEngine([7, 8, 9])
    assert _ids(fake.generate([1], Sampling())) == ([7, 8, 9], "stop")
    assert _ids(fake.generate([1], Sampling(max_new_tokens=2))) == ([7, 8], "length")
    assert [prompt for prompt, _ in fake.requests] == [(1,), (1,)]
