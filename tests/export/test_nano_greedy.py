"""The miniature in bf16 gives equal greedy answers on three roads of the runtime and in torch."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
import pytest

from ir_runner import EXACT
from ovglm.dialects import dialect_for
from ovglm.manifest import read_manifest
from ovglm.messages import Message
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer
from ovglm_export.pipeline import export_checkpoint

QUESTIONS = [
    "Hello!",
    "你好",
    "What is the capital of France?",
    "12 + 30 = ?",
    "意大利的首都是哪里？",
]
NEW_TOKENS = 24
ROADS: dict[str, tuple[str, dict[str, Any]]] = {
    "paged": ("CPU", {"ATTENTION_BACKEND": "PA", **EXACT}),
    "stateful": ("CPU", {"ATTENTION_BACKEND": "SDPA", **EXACT}),
    "emulated NPU": (
        "NPU",
        {
            "NPU_USE_NPUW": "YES",
            "NPUW_DEVICES": "CPU",
            "NPUW_ONLINE_PIPELINE": "NONE",
            "MAX_PROMPT_LEN": 128,
            "MIN_RESPONSE_LEN": 64,
        },
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nano") / "bf16"
    export_checkpoint(checkpoint_folder(), folder, Recipe("bf16"))
    return folder


@pytest.fixture(scope="module")
def prompts(folder: Path) -> list[list[int]]:
    template, tokenizer = ChatTemplate.load(folder), Tokenizer.load(folder)
    dialect = dialect_for(read_manifest(folder).dialect)
    asked = [dialect.render([Message("user", question)]) for question in QUESTIONS]
    return [encode_chat(template, tokenizer, messages) for messages in asked]


@pytest.fixture(scope="module")
def expected(folder: Path, prompts: list[list[int]]) -> list[list[int]]:
    """The greedy tokens of transformers in float32, up to and without a stop id."""
    import torch
    from transformers import GlmForCausalLM

    model = GlmForCausalLM.from_pretrained(checkpoint_folder(), dtype=torch.float32).eval()
    stops, answers = read_manifest(folder).stop_ids, []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        for _ in range(NEW_TOKENS):
            with torch.no_grad():
                best = model(ids).logits[0, -1].argmax()
            if int(best) in stops:
                break
            ids = torch.cat([ids, best.view(1, 1)], dim=1)
        answers.append(ids[0, len(prompt) :].tolist())
    return answers


@pytest.mark.parametrize("road", ROADS)
def test_greedy_tokens_equal_those_of_transformers(
    folder: Path, prompts: list[list[int]], expected: list[list[int]], road: str
) -> None:
    device, properties = ROADS[road]
    stops = read_manifest(folder).stop_ids
    config = genai.GenerationConfig()
    config.max_new_tokens, config.do_sample = NEW_TOKENS, False
    config.eos_token_id, config.stop_token_ids = stops[0], set(stops)
    load: Any = genai.LLMPipeline  # its stub does not know properties given by keyword
    pipeline = load(str(folder), device, **properties)
    answers = []
    for prompt in prompts:
        tokens = pipeline.generate(ov.Tensor(np.array([prompt], np.int64)), config).tokens[0]
        answers.append([token for token in tokens if token not in stops])
    assert answers == expected
