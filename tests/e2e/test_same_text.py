"""Every engine gives the same greedy text for the same conversation."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from nano_placement import EXACT, cpu_placement, nano_facts, npu_placement
from ovglm.assistant import load_assistant
from ovglm.devices.options import RuntimeOptions
from ovglm.devices.placement import Placement
from ovglm.dialects import dialect_for, read_answer
from ovglm.engine.build import build_engine
from ovglm.manifest import read_manifest
from ovglm.messages import Message, Sampling
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer

QUESTIONS = (
    "Hello!",
    "你好",
    "What is the capital of France?",
    "12 + 30 = ?",
    "意大利的首都是哪里？",
)
SAMPLING = Sampling(24)
ROADS: dict[str, Callable[[], Placement]] = {
    "CPU, paged attention": lambda: cpu_placement(EXACT),
    "CPU, stateful attention": lambda: cpu_placement({"ATTENTION_BACKEND": "SDPA", **EXACT}),
    "emulated NPU": npu_placement,
}


def texts(folder: Path, placement: Placement) -> list[str]:
    """Answer all questions, one after the other."""
    tokenizer, template = Tokenizer.load(folder), ChatTemplate.load(folder)
    dialect = dialect_for(read_manifest(folder).dialect)
    with closing(build_engine(nano_facts(folder), placement, tokenizer)) as engine:
        answers = []
        for question in QUESTIONS:
            turns = dialect.render([Message("user", question)])
            chunks = engine.submit(encode_chat(template, tokenizer, turns), SAMPLING)
            text = "".join(chunk.text for chunk in chunks)
            answers.append(read_answer(dialect.parser(), text).content)
        return answers


def test_all_engines_give_the_same_text_for_float_weights(nano_bf16: Path) -> None:
    found = {road: texts(nano_bf16, placement()) for road, placement in ROADS.items()}
    paged = found["CPU, paged attention"]
    assert all(paged), "an empty answer proves nothing"
    assert found == dict.fromkeys(ROADS, paged)


@pytest.mark.parametrize(
    ("device", "options"),
    [
        ("CPU", RuntimeOptions()),
        ("CPU", RuntimeOptions(properties=(("ATTENTION_BACKEND", "SDPA"),))),
        ("CPU", RuntimeOptions(prompt_lookup=True)),
        ("NPU", RuntimeOptions(context=192, max_response=64)),
    ],
    ids=["paged", "stateful", "prompt lookup", "emulated NPU"],
)
def test_as_users_load_it_every_engine_answers_the_same(
    nano: Path, device: str, options: RuntimeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With INT4 weights and each device's own settings: nano's answers leave no room for doubt."""
    expected = texts(nano, cpu_placement(EXACT))
    monkeypatch.setenv("OVGLM_NPU_EMULATION", "1")
    assistant = load_assistant(nano, device, options, say=lambda _: None)
    with closing(assistant.engine):
        found = [
            "".join(assistant.reply([Message("user", question)], SAMPLING))
            for question in QUESTIONS
        ]
    assert found == expected
