"""LangChain's ChatOpenAI with a bound tool against nano, over both of the chat APIs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from nano_server import nano_server

PATIENCE_S = 120.0
PARIS = "What is the capital of France?"
WEATHER = "What is the weather in Paris?"
ANSWER = "It is sunny in Paris, 21 degrees."


class Report(BaseModel):
    """What the weather is like."""

    sky: Literal["sunny", "cloudy", "rainy"]
    degrees: int = Field(ge=0, le=39)


@pytest.fixture(scope="module")
def url(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nano_server(nano, tmp_path_factory.mktemp("home")) as address:
        yield address


@tool
def get_weather(city: str) -> str:
    """Weather of a city."""
    return json.dumps({"weather": "sunny", "temperature": 21} if city == "Paris" else {})


def _chain(url: str, model: str, **fields: Any) -> ChatOpenAI:
    settings = {"base_url": url, "api_key": "none", "timeout": PATIENCE_S, "max_retries": 0}
    return ChatOpenAI(model=model, temperature=0, **settings, **fields)


def _loop(chat: ChatOpenAI) -> AIMessage:
    """Call tools until the model answers."""
    bound = chat.bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage(WEATHER)]
    for _ in range(4):
        reply = bound.invoke(messages)
        messages.append(reply)
        if not reply.tool_calls:
            return reply
        for call in reply.tool_calls:
            output = get_weather.invoke(call["args"])
            messages.append(ToolMessage(output, tool_call_id=call["id"]))
    raise AssertionError("the loop does not end")


@pytest.mark.parametrize("model", ["nano", "nano-npu"])
@pytest.mark.parametrize("has_responses", [False, True])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_langchain_with_a_bound_tool_ends_in_the_right_answer(
    url: str, model: str, has_responses: bool, is_streamed: bool
) -> None:
    chat = _chain(url, model, use_responses_api=has_responses, streaming=is_streamed)
    assert _loop(chat).text == ANSWER


def test_langchain_gives_structured_output(url: str) -> None:
    for method in ("json_schema", "function_calling"):
        chat = _chain(url, "nano").with_structured_output(Report, method=method)
        assert isinstance(chat.invoke(WEATHER), Report)


def test_langchain_streams(url: str) -> None:
    pieces = [piece.text for piece in _chain(url, "nano").stream(PARIS)]
    assert "Paris" in "".join(pieces)
    assert len([piece for piece in pieces if piece]) > 1
