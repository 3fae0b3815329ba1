"""A loaded model: text and messages in, answers out; sync and async, closed at the end."""

import asyncio

import pytest

from ovglm.errors import OvglmError
from ovglm.loaded_model import LoadedModel
from ovglm.messages import Message, Sampling
from talking import prompts, talking_assistant

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_a_question_gives_a_whole_answer_with_its_figures() -> None:
    model = LoadedModel(talking_assistant("Paris."))
    answer = model.chat("Capital?", Sampling(max_new_tokens=100))
    assert str(answer) == answer.text == "Paris."
    assert answer.finish_reason == "stop"
    assert answer.usage.reply_tokens == len("Paris.")
    assert (answer.thought, answer.tool_calls) == ("", ())


def test_messages_reach_the_model_in_their_order() -> None:
    assistant = talking_assistant("ok")
    LoadedModel(assistant).chat([Message("system", "S"), Message("user", "hi")], Sampling())
    (prompt,) = prompts(assistant)
    assert prompt.index("S") < prompt.index("hi")


def test_a_call_of_an_offered_tool_is_told_apart() -> None:
    model = LoadedModel(talking_assistant('get_weather\n{"city": "Rome"}'))
    answer = model.chat("Weather in Rome?", Sampling(), tools=[TOOL])
    (call,) = answer.tool_calls
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Rome"}')
    assert answer.text == ""


def test_without_tools_the_same_words_are_text() -> None:
    model = LoadedModel(talking_assistant('get_weather\n{"city": "Rome"}'))
    answer = model.chat("Weather in Rome?", Sampling())
    assert answer.tool_calls == ()
    assert "get_weather" in answer.text


def test_the_pieces_of_a_stream_are_the_answer_in_both_ways() -> None:
    async def read(model: LoadedModel) -> list[str]:
        return [piece async for piece in model.stream("?", Sampling())]

    assistant = talking_assistant("Paris.")
    model = LoadedModel(assistant)
    reply = model.stream("?", Sampling())
    assert prompts(assistant) == []
    assert list(reply) == asyncio.run(read(model))
    assert reply.finish_reason == "stop"


def test_async_answers_are_those_of_the_sync_ones() -> None:
    async def ask(model: LoadedModel) -> tuple[str, str]:
        async with model:
            return str(await model.achat("?")), str(await model.agenerate("?"))

    model = LoadedModel(talking_assistant("one", "two"))
    assert asyncio.run(ask(model)) == ("one", "two")
    with pytest.raises(OvglmError, match="is closed"):
        model.chat("?")


def test_generate_writes_no_turns() -> None:
    assistant = talking_assistant("4, 5")
    assert LoadedModel(assistant).generate("1, 2, 3, ", Sampling()).text == "4, 5"
    (prompt,) = prompts(assistant)
    assert prompt.endswith("1, 2, 3, ") and "<|user|>" not in prompt


def test_a_with_block_closes_the_model() -> None:
    with LoadedModel(talking_assistant("x")) as model:
        model.chat("?")
    with pytest.raises(OvglmError, match="is closed") as caught:
        model.stream("?")
    assert caught.value.hint and "ovglm.load" in caught.value.hint
    with pytest.raises(OvglmError, match="is closed"):
        model.generate("?")


def test_no_message_at_all_is_refused() -> None:
    with pytest.raises(OvglmError, match="no message"):
        LoadedModel(talking_assistant("x")).chat([])
