"""Thoughts before an answer: told apart while they are streamed, and never taken for the answer."""

import pytest

from ovglm.dialects import Answer, dialect_for, read_answer
from ovglm.dialects.events import CallBegan, CallEnded, CallGrew, Event, Said, Thought
from ovglm.errors import OvglmError
from ovglm.messages import ToolCall

TOOLS = [{"type": "function", "function": {"name": "get_time"}}]


def _read(text: str, prompt_end: str = "", name: str = "glm45") -> Answer:
    parser = dialect_for(name).parser(TOOLS, thinks=True, prompt_end=prompt_end)
    return read_answer(parser, text)


@pytest.mark.parametrize("name", ["glm_z1", "glm45"])
@pytest.mark.parametrize(
    ("text", "thought", "content"),
    [
        ("\n<think>Hm.\n\nWell.</think>\nHi", "Hm.\n\nWell.", "Hi"),
        ("<think>\nHm.\n</think>\n\nHi\n<|user|>", "Hm.", "Hi\n"),
        ("<think></think>\nHi", "", "Hi"),
        ("</think>\nHi", "", "Hi"),
        ("\nHi", "", "Hi"),
        ("\nI say <think>", "", "I say <think>"),
        ("<think>Hm. <|user|>", "Hm. ", ""),
        ("<think>Hm</thi", "Hm</thi", ""),
        ("<think", "", "<think"),
        ("<think>get_time\n{}", "get_time\n{}", ""),
        ("", "", ""),
    ],
)
def test_thoughts_are_told_apart(name: str, text: str, thought: str, content: str) -> None:
    assert _read(text, name=name) == Answer(content, thought)


def test_a_thought_that_the_prompt_opened_is_one_to_its_end() -> None:
    assert _read("Hm.</think>\nHi", "<|assistant|>\n<think>\n") == Answer("Hi", "Hm.")
    assert _read("Hm.", "<|assistant|><think>") == Answer("", "Hm.")
    assert _read("Hm.", "<|assistant|>\n<think></think>") == Answer("Hm.")


def test_a_call_comes_after_the_thought() -> None:
    call = (ToolCall("get_time", "{}"),)
    assert _read("<think>Hm.</think>\n<tool_call>get_time\n</tool_call>") == Answer("", "Hm.", call)
    assert _read("<think>Hm.</think>\nget_time\n{}", name="glm_z1") == Answer("", "Hm.", call)


def test_thoughts_are_streamed() -> None:
    parser = dialect_for("glm45").parser(TOOLS, thinks=True)
    pieces = ("\n<th", "ink>", "Hm", ". ", "So", "</think", ">\n", "H", "i")
    expected: list[list[Event]] = [
        [], [], [Thought("Hm")], [Thought(".")], [Thought(" So")], [], [], [Said("H")], [Said("i")],
    ]  # fmt: skip
    assert list(map(parser.push, pieces)) == expected
    assert parser.push("<tool_call>get_time</tool_call>") == [
        CallBegan(0, "get_time"),
        CallGrew(0, "{}"),
        CallEnded(0),
    ]
    assert parser.finish() == []


def test_thoughts_that_nobody_asked_for_stay_as_the_model_wrote_them() -> None:
    text = "<think>Hm.</think>\nHi"
    assert read_answer(dialect_for("glm45").parser(), f"\n{text}") == Answer(text)


def test_the_template_is_told_whether_to_think() -> None:
    dialect = dialect_for("glm45")
    assert dialect.variables() == {}
    assert dialect.variables(True) == {"enable_thinking": True}
    assert dialect.variables(False) == {"enable_thinking": False}
    assert dialect_for("glm_z1").variables(True) == {}
    assert dialect_for("glm4").variables(False) == {}


def test_what_a_model_cannot_do_is_refused() -> None:
    with pytest.raises(OvglmError, match="always thinks"):
        dialect_for("glm_z1").variables(False)
    for name in ("glm4", "glm0414", "glm_edge"):
        with pytest.raises(OvglmError, match="does not think"):
            dialect_for(name).variables(True)
