"""The NPU's rules through emulation: what a placement says is what the pipeline does, on nano."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
import pytest

from ovglm.devices import ModelFacts, Placement, RuntimeOptions, choose, list_devices, read_facts

Load = Callable[[RuntimeOptions], tuple[Any, Placement]]


@pytest.fixture
def facts(nano: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFacts:
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    return read_facts(nano)


@pytest.fixture
def load(facts: ModelFacts) -> Load:
    def load(options: RuntimeOptions) -> tuple[Any, Placement]:
        placement = choose(facts, list_devices(), "NPU", options)
        pipeline: Any = genai.LLMPipeline  # its stub does not know properties by keyword
        return pipeline(str(facts.folder), "NPU", **placement.properties), placement

    return load


def generate(pipeline: Any, prompt: list[int], tokens: int = 10_000) -> list[int]:
    config = genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos = tokens, True
    return pipeline.generate(ov.Tensor(np.array([prompt], np.int64)), config).tokens[0]


@pytest.mark.parametrize(("context", "response"), [(192, 64), (110, 10), (129, 1)])
def test_what_is_compiled_has_exactly_the_placements_lengths(
    load: Load, context: int, response: int
) -> None:
    pipeline, placement = load(RuntimeOptions(context=context, max_response=response))
    longest = [5] * placement.max_prompt
    assert len(generate(pipeline, longest)) == response
    assert len(generate(pipeline, [5] * 8)) == context - 8, "a short prompt leaves more room"
    with pytest.raises(RuntimeError):
        generate(pipeline, [*longest, 5])


@pytest.mark.parametrize(
    "properties",
    [
        {"PREFILL_HINT": "STATIC"},
        {"GENERATE_HINT": "BEST_PERF"},
        {"NPUW_LLM_PREFILL_CHUNK_SIZE": "64"},
        {"NPUW_LLM_ENABLE_PREFIX_CACHING": "YES"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_can_be_set_loads_and_gives_the_same_text(
    load: Load, facts: ModelFacts, properties: dict[str, str]
) -> None:
    pairs = (*properties.items(), ("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"))
    golden = facts.golden[0]
    pipeline, _ = load(RuntimeOptions(context=256, precision="f32", properties=pairs))
    assert generate(pipeline, list(golden.prompt), len(golden.tokens)) == list(golden.tokens)


def test_the_exact_settings_give_the_golden_tokens(load: Load, facts: ModelFacts) -> None:
    exact = RuntimeOptions(
        context=256, precision="f32", kv_cache="f32",
        properties=(("DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"),),
    )  # fmt: skip
    pipeline, _ = load(exact)
    for golden in facts.golden:
        assert generate(pipeline, list(golden.prompt), len(golden.tokens)) == list(golden.tokens)
