"""OpenAI's own package shows pictures to nano-v over a real socket."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from drawn_pictures import BLUE_SQUARE, RED_CIRCLE
from nano_server import vision_server
from small_pictures import data_url, image_part

PATIENCE_S = 120.0
WHAT = {"type": "text", "text": "What is this?"}
COLOR = {"type": "text", "text": "What color is it?"}
REMOTE = "https://example.org/photo.png"


@pytest.fixture(scope="module")
def url(nano_v: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with vision_server(nano_v, tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=url, api_key="none", timeout=PATIENCE_S, max_retries=0) as one:
        yield one


def _ask(picture: bytes, question: Any = WHAT) -> Any:
    return [{"role": "user", "content": [question, image_part(data_url(picture))]}]


@pytest.mark.parametrize(
    ("picture", "words"), [(RED_CIRCLE, ("red", "circle")), (BLUE_SQUARE, ("blue", "square"))]
)
def test_a_chat_tells_what_it_sees_streamed_or_not(
    client: OpenAI, picture: bytes, words: tuple[str, str]
) -> None:
    whole = client.chat.completions.create(model="nano-v", messages=_ask(picture), temperature=0)
    text = whole.choices[0].message.content or ""
    assert all(word in text for word in words), text
    card: Any = client.models.retrieve("nano-v")
    assert whole.usage and whole.usage.prompt_tokens > card.vision["tokens_per_picture"]
    stream = client.chat.completions.create(
        model="nano-v", messages=_ask(picture), temperature=0, stream=True
    )
    assert "".join(one.choices[0].delta.content or "" for one in stream) == text


def test_a_second_question_is_about_the_same_picture(client: OpenAI) -> None:
    messages = _ask(RED_CIRCLE)
    first = client.chat.completions.create(model="nano-v", messages=messages, temperature=0)
    said = {"role": "assistant", "content": first.choices[0].message.content}
    more = [*messages, said, {"role": "user", "content": "What color is the circle?"}]
    second = client.chat.completions.create(model="nano-v", messages=more, temperature=0)
    assert "red" in (second.choices[0].message.content or "")
    assert second.usage and second.usage.prompt_tokens_details
    assert first.usage
    cached = second.usage.prompt_tokens_details.cached_tokens or 0
    assert cached >= first.usage.prompt_tokens - 1


def test_async_clients_show_pictures_side_by_side(url: str) -> None:
    async def talk() -> list[str]:
        async with AsyncOpenAI(base_url=url, api_key="none", timeout=PATIENCE_S) as client:
            asked = [
                client.chat.completions.create(model="nano-v", messages=_ask(one), temperature=0)
                for one in (RED_CIRCLE, BLUE_SQUARE, RED_CIRCLE, BLUE_SQUARE)
            ]
            replies = await asyncio.gather(*asked)
            return [one.choices[0].message.content or "" for one in replies]

    texts = asyncio.run(talk())
    assert ["red" in text for text in texts] == [True, False, True, False]


def test_a_response_tells_what_it_sees(client: OpenAI) -> None:
    shown: Any = {"type": "input_image", "image_url": data_url(RED_CIRCLE), "detail": "auto"}
    asked: Any = [
        {"role": "user", "content": [shown, {"type": "input_text", "text": WHAT["text"]}]}
    ]
    reply = client.responses.create(model="nano-v", input=asked, temperature=0)
    assert "red" in reply.output_text and "circle" in reply.output_text


def test_a_remote_picture_is_refused_by_the_exact_field(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": [WHAT, image_part(REMOTE)]}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="nano-v", messages=messages)
    assert caught.value.param == "messages[0].content[1].image_url.url"
    assert "data:image/png;base64" in caught.value.message
