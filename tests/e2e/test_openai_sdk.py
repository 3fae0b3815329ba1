"""OpenAI's own package against nano over a real socket, on the CPU and an emulated NPU."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field

from nano_server import nano_server

PATIENCE_S = 120.0
PARIS = "What is the capital of France?"
WEATHER = "What is the weather in Paris?"
ANSWER = "It is sunny in Paris, 21 degrees."
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather of a city", "parameters": CITY},
}
FLAT_TOOL: Any = {"type": "function", **TOOL["function"], "strict": False}
DEVICES = pytest.mark.parametrize("model", ["nano", "nano-npu"])


class Report(BaseModel):
    """What the weather is like."""

    sky: Literal["sunny", "cloudy", "rainy"]
    degrees: int = Field(ge=0, le=39)


@pytest.fixture(scope="module")
def url(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nano_server(nano, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=url, api_key="none", timeout=PATIENCE_S, max_retries=0) as one:
        yield one


def _async_client(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url, api_key="none", timeout=PATIENCE_S, max_retries=0)


def _ask(text: str) -> Any:
    return [{"role": "user", "content": text}]


def _weather(city: str) -> str:
    return json.dumps({"weather": "sunny", "temperature": 21} if city == "Paris" else {})


def test_models_are_listed(client: OpenAI) -> None:
    assert [one.id for one in client.models.list()] == ["nano", "nano-npu"]
    assert client.models.retrieve("nano").id == "nano"


@DEVICES
def test_a_chat_answers_streamed_or_not(client: OpenAI, model: str) -> None:
    whole = client.chat.completions.create(model=model, messages=_ask(PARIS), temperature=0)
    text = whole.choices[0].message.content
    assert text and "Paris" in text
    assert whole.choices[0].finish_reason == "stop" and whole.usage
    events = client.chat.completions.create(
        model=model,
        messages=_ask(PARIS),
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    *pieces, last = events
    assert "".join(one.choices[0].delta.content or "" for one in pieces) == text
    assert last.usage and last.usage.completion_tokens == whole.usage.completion_tokens


def test_async_clients_are_answered_side_by_side(url: str) -> None:
    async def talk() -> list[str | None]:
        async with _async_client(url) as client:
            asked = [
                client.chat.completions.create(model="nano", messages=_ask(PARIS), temperature=0)
                for _ in range(4)
            ]
            return [one.choices[0].message.content for one in await asyncio.gather(*asked)]

    texts = asyncio.run(talk())
    assert all(text and "Paris" in text for text in texts)


def test_async_streams_come_in_pieces(url: str) -> None:
    async def talk() -> list[str]:
        async with _async_client(url) as client:
            stream = await client.chat.completions.create(
                model="nano", messages=_ask(PARIS), temperature=0, stream=True
            )
            return [one.choices[0].delta.content or "" async for one in stream]

    pieces = asyncio.run(talk())
    assert "Paris" in "".join(pieces)
    assert len([piece for piece in pieces if piece]) > 1


@DEVICES
@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_tool_loop_ends_in_the_right_answer(
    client: OpenAI, model: str, is_streamed: bool
) -> None:
    messages = _ask(WEATHER)
    for _ in range(4):
        fields: Any = {"model": model, "messages": messages, "tools": [TOOL], "temperature": 0}
        if is_streamed:
            with client.chat.completions.stream(**fields) as stream:
                choice = stream.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**fields).choices[0]
        message = choice.message
        if choice.finish_reason != "tool_calls":
            assert message.content == ANSWER
            assert len(messages) == 3
            return
        messages.append(message.model_dump())
        for call in message.tool_calls or ():
            city = json.loads(call.function.arguments)["city"]  # pyright: ignore
            messages.append({"role": "tool", "tool_call_id": call.id, "content": _weather(city)})
    raise AssertionError("the loop does not end")


@DEVICES
def test_a_tool_loop_over_responses_ends_in_the_right_answer(client: OpenAI, model: str) -> None:
    items = _ask(WEATHER)
    for _ in range(4):
        reply = client.responses.create(
            model=model, input=items, tools=[FLAT_TOOL], temperature=0, store=False
        )
        calls = [one for one in reply.output if one.type == "function_call"]
        if not calls:
            assert reply.output_text == ANSWER
            assert len(items) == 3
            return
        items += reply.output
        for call in calls:
            output = _weather(json.loads(call.arguments)["city"])
            items.append(
                {"type": "function_call_output", "call_id": call.call_id, "output": output}
            )
    raise AssertionError("the loop does not end")


def test_a_response_is_streamed_as_the_package_expects(client: OpenAI) -> None:
    whole = client.responses.create(model="nano", input=PARIS, temperature=0)
    assert "Paris" in whole.output_text and whole.status == "completed"
    with client.responses.stream(model="nano", input=PARIS, temperature=0) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert "response.output_text.delta" in kinds
    assert final.output_text == whole.output_text
    assert final.usage and whole.usage
    assert final.usage.output_tokens == whole.usage.output_tokens


def test_a_call_in_a_streamed_response_is_put_together(client: OpenAI) -> None:
    with client.responses.stream(
        model="nano", input=WEATHER, tools=[FLAT_TOOL], temperature=0
    ) as stream:
        deltas = [
            event.delta
            for event in stream
            if event.type == "response.function_call_arguments.delta"
        ]
        (call,) = stream.get_final_response().output
    assert call.type == "function_call" and call.name == "get_weather"
    assert json.loads("".join(deltas)) == json.loads(call.arguments) == {"city": "Paris"}


def test_async_responses_are_answered(url: str) -> None:
    async def talk() -> str:
        async with _async_client(url) as client:
            return (
                await client.responses.create(model="nano", input=PARIS, temperature=0)
            ).output_text

    assert "Paris" in asyncio.run(talk())


@DEVICES
def test_a_chat_is_parsed_into_a_class(client: OpenAI, model: str) -> None:
    reply = client.chat.completions.parse(
        model=model, messages=_ask(WEATHER), response_format=Report, temperature=0
    )
    assert isinstance(reply.choices[0].message.parsed, Report)
    assert reply.choices[0].finish_reason == "stop"


@DEVICES
def test_a_response_is_parsed_into_a_class(client: OpenAI, model: str) -> None:
    reply = client.responses.parse(
        model=model, input=WEATHER, text_format=Report, temperature=1, top_p=1
    )
    assert isinstance(reply.output_parsed, Report)


@DEVICES
def test_a_call_that_must_be_is_parsed_into_a_class(client: OpenAI, model: str) -> None:
    reply = client.chat.completions.parse(
        model=model,
        messages=_ask("Hello!"),
        tools=[openai.pydantic_function_tool(Report, name="report")],
        tool_choice="required",
        parallel_tool_calls=False,
        temperature=0,
    )
    assert reply.choices[0].finish_reason == "tool_calls"
    calls = reply.choices[0].message.tool_calls or []
    assert [type(call.function.parsed_arguments) for call in calls] == [Report]


def test_refusals_are_the_packages_own_errors(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as absent:
        client.chat.completions.create(model="gpt-5", messages=_ask("hi"))
    assert absent.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as stored:
        client.responses.create(model="nano", input="hi", previous_response_id="resp_1")
    assert stored.value.param == "previous_response_id"
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model="nano", messages=_ask("hello " * 5000))
    assert long.value.code == "context_length_exceeded"
