"""Exported folders load in every pipeline of openvino.genai; all of them give the same tokens."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
import pytest

from ir_runner import EXACT, run_ir
from ovglm.manifest import Golden, read_manifest
from ovglm.recipe import Recipe
from ovglm_export import golden
from ovglm_export.pipeline import export_checkpoint

LAYOUTS = ["glm", "glm4", "chatglm"]
RECIPES = {"int4": Recipe(), "bf16": Recipe("bf16")}
EMULATED_NPU = {
    "NPU_USE_NPUW": "YES",
    "NPUW_DEVICES": "CPU",
    "NPUW_ONLINE_PIPELINE": "NONE",
    "MAX_PROMPT_LEN": 128,
    "MIN_RESPONSE_LEN": 64,
}
# The NPU's path keeps its cache in f16: where the two best logits are nearer than this share of
# their range, either may win.
NEAR = 5e-3
QUESTION = "你好, who are you?"


def load(folder: Path, device: str, **properties: Any) -> Any:
    # The runtime's stub does not know properties given by keyword.
    pipeline: Any = genai.LLMPipeline
    return pipeline(str(folder), device, **properties)


def greedy(tokens: int) -> genai.GenerationConfig:
    config = genai.GenerationConfig()
    config.max_new_tokens = tokens
    config.do_sample = False
    config.ignore_eos = True
    return config


def answer(pipeline: Any, wanted: Golden) -> tuple[int, ...]:
    """Generate as many tokens as the golden answer has."""
    ids = ov.Tensor(np.array([wanted.prompt], np.int64))
    return tuple(pipeline.generate(ids, greedy(len(wanted.tokens))).tokens[0])


def check_near(folder: Path, wanted: Golden, found: tuple[int, ...]) -> None:
    """Accept another token only where the golden one and it are as good as equal."""
    pairs = zip(found, wanted.tokens, strict=True)
    at = next((at for at, (ours, theirs) in enumerate(pairs) if ours != theirs), None)
    if at is None:
        return
    ids = np.array([[*wanted.prompt, *wanted.tokens[:at]]])
    logits = run_ir(folder, ids, np.ones_like(ids), [ids.size])[0, -1]
    assert logits[wanted.tokens[at]] - logits[found[at]] <= NEAR * np.ptp(logits)


@pytest.fixture(scope="module", params=[(one, name) for one in LAYOUTS for name in RECIPES])
def folder(tiny_models: Any, request: pytest.FixtureRequest) -> Path:
    layout, name = request.param
    return tiny_models.export(layout, RECIPES[name])


@pytest.mark.parametrize("backend", ["PA", "SDPA"])
def test_the_pipeline_gives_the_golden_tokens(folder: Path, backend: str) -> None:
    pipeline = load(folder, "CPU", ATTENTION_BACKEND=backend, **EXACT)
    manifest = read_manifest(folder)
    assert sum(len(wanted.tokens) for wanted in manifest.golden) > 20
    for wanted in manifest.golden:
        assert answer(pipeline, wanted) == wanted.tokens


def test_continuous_batching_gives_the_golden_tokens(folder: Path) -> None:
    pipeline = genai.ContinuousBatchingPipeline(
        str(folder), genai.SchedulerConfig(), "CPU", EXACT, {}, {}
    )
    every = read_manifest(folder).golden
    prompts = [ov.Tensor(np.array([one.prompt], np.int64)) for one in every]
    configs = [greedy(len(one.tokens)) for one in every]
    results = pipeline.generate(prompts, configs)
    found = [tuple(result.m_generation_ids[0]) for result in results]
    assert found == [one.tokens for one in every]


def test_the_emulated_npu_gives_the_golden_tokens(folder: Path) -> None:
    pipeline = load(folder, "NPU", **EMULATED_NPU)
    every = read_manifest(folder).golden
    found = [answer(pipeline, one) for one in every]
    for one, tokens in zip(every, found, strict=True):
        check_near(folder, one, tokens)
    assert any(tokens == one.tokens for one, tokens in zip(every, found, strict=True))


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_golden_tokens_of_a_large_model_are_those_of_the_whole_model(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, tied: bool
) -> None:
    monkeypatch.setattr(golden, "_SMALL_BYTES", 0)
    source = tiny_models.checkpoint(layout, tie_word_embeddings=tied)
    every = export_checkpoint(source, tmp_path / "out", Recipe()).golden
    assert len(every) >= 6
    for one in every:
        ids = np.array([one.prompt])
        logits = run_ir(tmp_path / "out", ids, np.ones_like(ids), [ids.size])
        assert (int(logits[0, -1].argmax()),) == one.tokens


def test_a_chat_gives_the_same_text_with_both_attention_back_ends(folder: Path) -> None:
    texts = [
        load(folder, "CPU", ATTENTION_BACKEND=backend, **EXACT).generate(QUESTION, greedy(12))
        for backend in ("PA", "SDPA")
    ]
    assert texts[0] == texts[1] != ""


def test_a_stop_id_of_the_config_ends_an_answer(tiny_models: Any, tmp_path: Path) -> None:
    exported = tiny_models.export("glm", RECIPES["bf16"])
    wanted = max(read_manifest(exported).golden, key=lambda one: len(one.tokens))
    for file in exported.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    stop = wanted.tokens[3]
    config = json.loads((exported / "generation_config.json").read_text(encoding="utf-8"))
    assert stop not in config["eos_token_id"]
    config["eos_token_id"].append(stop)
    (tmp_path / "generation_config.json").write_text(json.dumps(config), encoding="utf-8")
    pipeline = load(tmp_path, "CPU", ATTENTION_BACKEND="PA", **EXACT)
    settings = pipeline.get_generation_config()
    settings.max_new_tokens, settings.do_sample = 30, False
    ids = ov.Tensor(np.array([wanted.prompt], np.int64))
    found = tuple(pipeline.generate(ids, settings).tokens[0])
    end = wanted.tokens.index(stop)
    assert found[:end] == wanted.tokens[:end]
    assert len(found) <= end + 1
