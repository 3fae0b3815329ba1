"""The forms of held answers, enforced by the runtime itself on nano."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ovglm.dialects import DIALECTS, Answer, NamedTool, ToolChoice, dialect_for, read_answer
from ovglm.messages import Constraint, Message
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer

CITY = {"type": "string", "enum": ["Rome", "Oslo"]}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": CITY}, "required": ["city"]},
            "strict": True,
        },
    }
    for name in ("get_weather", "get_time")
]
ANSWERS = [{"city": "Rome"}, {"city": "Oslo"}]
Ask = Callable[[str, Constraint, int], str]


@pytest.fixture(scope="module")
def ask(nano: Path) -> Ask:
    """Give a function that holds nano's answer to a constraint."""
    import numpy as np
    import openvino as ov
    import openvino_genai

    pipeline = openvino_genai.LLMPipeline(str(nano), "CPU")
    tokenizer, template = Tokenizer.load(nano), ChatTemplate.load(nano)

    def answer(question: str, constraint: Constraint, length: int) -> str:
        turns = dialect_for("glm4").render([Message("user", question)])
        prompt = np.array([encode_chat(template, tokenizer, turns)], dtype=np.int64)
        config = pipeline.get_generation_config()
        config.max_new_tokens = length
        config.structured_output_config = openvino_genai.StructuredOutputConfig(
            structural_tags_config=constraint.text
        )
        result: Any = pipeline.generate(ov.Tensor(prompt), config)
        return tokenizer.decode(result.tokens[0], skip_special=False)

    return answer


def _hold(name: str, choice: ToolChoice, parallel: bool, schema: Any = None) -> Constraint:
    constraint = dialect_for(name).constraint(TOOLS, choice, parallel, thinks=False, schema=schema)
    assert constraint is not None
    return constraint


def _read(name: str, text: str) -> Answer:
    return read_answer(dialect_for(name).parser(TOOLS), text)


@pytest.mark.parametrize("name", ["glm4", "glm0414", "glm45", "glm_edge"])
def test_a_call_that_must_come_comes_and_keeps_to_its_schema(ask: Ask, name: str) -> None:
    for choice in ("required", NamedTool("get_time")):
        answer = _read(name, ask("Hello", _hold(name, choice, parallel=False), 90))
        (call,) = answer.tool_calls
        assert call.name == "get_time" or choice == "required"
        assert json.loads(call.arguments) in ANSWERS
        assert answer.content == ""


@pytest.mark.parametrize("name", ["glm4", "glm0414", "glm45", "glm_edge"])
def test_a_call_that_may_come_leaves_texts_as_they_are(ask: Ask, name: str) -> None:
    answer = _read(name, ask("Hello", _hold(name, "auto", parallel=True), 40))
    assert answer == Answer(answer.content)
    assert answer.content.strip().startswith("Hello")


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("schema", [None, {"type": "object"}])
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("choice", ["auto", "required", NamedTool("get_time")])
def test_the_runtime_takes_every_form(
    ask: Ask, name: str, choice: ToolChoice, parallel: bool, schema: dict[str, Any] | None
) -> None:
    assert ask("Hello", _hold(name, choice, parallel, schema), 1)
