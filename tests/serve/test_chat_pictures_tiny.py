"""Pictures through the API to tiny models of both families, in a worker process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ovglm.assistant import Assistant
from ovglm.devices import read_facts
from ovglm.engine.worker import start_worker
from ovglm.messages import Message, Sampling
from ovglm.pictures import read_picture
from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.served_model import ServedModel, read_speech
from ovglm_serve.settings import Settings
from serve_apps import events_of
from small_pictures import data_url, image_part, picture_file
from tiny_vision import FAMILIES, vectors_of
from vision_exports import VisionExports

CHAT = "/v1/chat/completions"
TEXT = {"type": "text", "text": "what?"}


@dataclass(frozen=True)
class Served:
    """A client in front of one model, and that model."""

    client: TestClient
    model: ServedModel

    def chat(self, *parts: Any, **fields: Any) -> Any:
        """Ask one question, of 8 tokens' answer and greedily."""
        messages = [{"role": "user", "content": list(parts)}]
        body = {"model": "m", "messages": messages, "max_tokens": 8, "temperature": 0, **fields}
        reply = self.client.post(CHAT, json=body)
        assert reply.status_code == 200, reply.text
        return events_of(reply.text) if body.get("stream") else reply.json()


@pytest.fixture(scope="module", params=FAMILIES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Serve a tiny model of a family."""
    folder = VisionExports(tmp_path_factory.mktemp("tiny"), request.param).export()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVGLM_HOME", str(tmp_path_factory.mktemp("home")))
        yield from _serve(folder)


def _serve(folder: Path) -> Iterator[Served]:
    quiet: Any = {"say": lambda _: None}
    worker, facts = start_worker(folder, "CPU", **quiet), read_facts(folder)
    speech = read_speech(folder, facts.dialect)
    model = ServedModel("m", facts, worker, speech.tokenizer, speech.template, speech.dialect)
    app = create_app(ModelPool.of(model), Settings())
    yield Served(TestClient(app, base_url="http://127.0.0.1"), model)
    worker.close()


def _scores(reply: Any) -> list[float]:
    return [one["logprob"] for one in reply["choices"][0]["logprobs"]["content"]]


def test_the_answer_is_the_one_that_the_model_gives_elsewhere(served: Served) -> None:
    model = served.model
    vision = model.engine.info.vision
    assert vision is not None
    assistant = Assistant(model.engine, model.tokenizer, model.template, model.dialect)
    picture = read_picture(picture_file(), vision)
    reply = assistant.reply(
        [Message("user", "what?", pictures=(picture,))],
        Sampling(max_new_tokens=8, keep_special=True),
    )
    expected, usage = "".join(reply), reply.usage
    whole = served.chat(image_part(), TEXT)
    assert whole["choices"][0]["message"]["content"] == expected
    assert usage and whole["usage"]["prompt_tokens"] == usage.prompt_tokens


def test_a_stream_gives_the_same_text_and_usage(served: Served) -> None:
    whole = served.chat(image_part(), TEXT)
    *events, last = served.chat(
        image_part(), TEXT, stream=True, stream_options={"include_usage": True}
    )
    text = "".join(one["choices"][0]["delta"].get("content") or "" for one in events)
    assert text == whole["choices"][0]["message"]["content"]
    counted = ("prompt_tokens", "completion_tokens")
    assert [last["usage"][name] for name in counted] == [whole["usage"][name] for name in counted]


def test_the_picture_is_counted_and_looked_at(served: Served) -> None:
    plain = served.chat(TEXT, logprobs=True)
    red = served.chat(image_part(), TEXT, logprobs=True)
    blue_part = image_part(data_url(picture_file(color="blue")))
    blue = served.chat(blue_part, TEXT, logprobs=True)
    vectors = vectors_of({"image_size": 56, "patch_size": 14})
    assert red["usage"]["prompt_tokens"] == plain["usage"]["prompt_tokens"] + vectors
    assert blue["usage"]["prompt_tokens"] == red["usage"]["prompt_tokens"]
    assert _scores(red) != _scores(blue) != _scores(plain)


def test_a_second_question_about_a_picture_finds_it_read(served: Served) -> None:
    first = served.chat(image_part(), TEXT)
    again = served.chat(image_part(), {"type": "text", "text": "what else?"})
    details = again["usage"]["prompt_tokens_details"]
    assert details["cached_tokens"] >= 6
    assert first["usage"]["prompt_tokens"] < again["usage"]["prompt_tokens"]


def test_the_count_of_tokenize_is_that_of_the_usage(served: Served) -> None:
    messages = [{"role": "user", "content": [image_part(), TEXT]}]
    body = {"model": "m", "messages": messages}
    counted = served.client.post("/v1/tokenize", json=body).json()["count"]
    assert counted == served.chat(image_part(), TEXT)["usage"]["prompt_tokens"]


def test_ids_of_places_without_a_picture_are_refused(served: Served) -> None:
    vision = served.model.engine.info.vision
    assert vision is not None
    ids = [vision.begin_id] * vision.placeholder_tokens
    body = {"model": "m", "prompt": ids, "max_tokens": 2}
    reply = served.client.post("/v1/completions", json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_the_model_says_what_it_takes(served: Served) -> None:
    (card,) = served.client.get("/v1/models").json()["data"]
    assert card["vision"] == {"image_size": 56, "tokens_per_picture": 6, "most_pictures": 1}
