"""Pictures in /v1/chat/completions and /v1/tokenize: what the engine gets, and what is refused."""

import logging
import socket
from dataclasses import replace
from typing import Any

import pytest

from ovglm.pictures import read_picture
from serve_apps import HI, TEMPLATE, TOKENIZER, Api, ByteEngine, serve, tool
from small_pictures import EACH, PARTS_TEMPLATE, SPAN, data_url, image_part, picture_file

SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
TEXT = {"type": "text", "text": "what is this?"}
PLACES = "<|begin_of_image|>" * 6


def serve_vision(facts: Any = EACH, *answers: str, **settings: Any) -> Api:
    """Serve a model that takes pictures."""
    template = PARTS_TEMPLATE if facts.placement == "each" else TEMPLATE
    engine = ByteEngine(*(answers or ("a red one",)), vision=facts)
    return serve(engine=engine, dialect="glm_edge", template=template, **settings)


def user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the messages of one question, by default of a red picture."""
    return [{"role": "user", "content": list(parts) or [image_part(), TEXT]}]


def test_a_picture_comes_to_the_engine_and_its_places_stand_before_the_text() -> None:
    api = serve_vision()
    assert api.say(messages=user()) == "a red one"
    assert api.prompt == f"<|user|>\n{PLACES}what is this?<|assistant|>"
    ((picture,),) = api.engine.pictures
    assert picture.digest == read_picture(picture_file(), EACH).digest
    assert picture.size == (40, 20) and picture.pixels.shape == (28, 28, 3)


@pytest.mark.parametrize("parts", [(TEXT, image_part()), (image_part(),)])
def test_a_text_may_come_first_or_be_absent(parts: Any) -> None:
    api = serve_vision()
    api.chat(messages=user(*parts))
    assert api.prompt.startswith(f"<|user|>\n{PLACES}") and len(api.engine.pictures[0]) == 1


@pytest.mark.parametrize("facts", [EACH, SPAN], ids=lambda facts: facts.placement)
@pytest.mark.parametrize("path", ["whole", "stream", "tokenize"])
def test_each_vector_of_a_picture_is_a_token_of_the_prompt(facts: Any, path: str) -> None:
    api, plain = serve_vision(facts), serve_vision(facts)
    without = plain.chat(messages=user(TEXT))["usage"]["prompt_tokens"]
    if path == "whole":
        count = api.chat(messages=user())["usage"]["prompt_tokens"]
    elif path == "stream":
        events = api.stream(messages=user(), stream_options={"include_usage": True})
        count = events[-1]["usage"]["prompt_tokens"]
    else:
        body = {"model": "fake", "messages": user()}
        reply = api.client.post("/v1/tokenize", json=body).json()
        count = reply["count"]
        assert len(reply["tokens"]) == without + facts.placeholder_tokens
    assert count == without + 6


def test_a_prompt_is_too_long_with_the_tokens_of_its_pictures() -> None:
    engine = ByteEngine(context=30, vision=replace(SPAN, vectors=40))
    error = serve(engine=engine).refuse(messages=user())
    assert (error["param"], error["code"]) == ("messages", "context_length_exceeded")
    count = 40 + len("what is this?") + 3
    assert f"has {count} tokens" in error["message"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("PNG", "png"), ("JPEG", "jpeg"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif"),
     ("PNG", "PNG")],
)  # fmt: skip
def test_four_kinds_of_files_are_read(kind: str, told: str) -> None:
    api = serve_vision()
    api.chat(messages=user(image_part(data_url(picture_file(kind), told))))
    assert api.engine.pictures[0][0].size == (40, 20)


def test_a_data_url_may_have_line_breaks_and_escapes() -> None:
    api = serve_vision()
    head, _, body = data_url().partition(",")
    lines = "\n".join(body[at : at + 76] for at in range(0, len(body), 76))
    for written in (f"{head},{lines}", f"{head},{body.replace('=', '%3D').replace('+', '%2B')}"):
        api.chat(messages=user(image_part(written)))
    first, second = api.engine.pictures
    assert first[0].digest == second[0].digest


@pytest.mark.parametrize("detail", ["auto", "low", "high", "original", None])
def test_detail_changes_nothing_by_nature(detail: str | None) -> None:
    api, plain = serve_vision(), serve_vision()
    api.chat(messages=user(image_part(detail=detail)))
    plain.chat(messages=user(image_part()))
    assert api.engine.pictures[0][0].digest == plain.engine.pictures[0][0].digest
    assert api.prompt == plain.prompt


def test_several_pictures_come_in_order_where_the_model_takes_them() -> None:
    api = serve_vision(replace(EACH, most_pictures=3))
    colors = ("red", "green", "blue")
    red, green, blue = (image_part(data_url(picture_file(color=one))) for one in colors)
    messages = [
        *user(red, green, TEXT), {"role": "assistant", "content": "two"}, *user(blue),
    ]  # fmt: skip
    api.chat(messages=messages)
    expected = [read_picture(picture_file(color=one), EACH).digest for one in colors]
    assert [one.digest for one in api.engine.pictures[0]] == expected
    assert api.prompt.count(PLACES) == 3 and f"{PLACES}{PLACES}what" in api.prompt


def test_one_picture_too_many_is_named() -> None:
    api = serve_vision()
    messages = [*user(), {"role": "assistant", "content": "red"}, *user(TEXT, image_part())]
    error = api.refuse(messages=messages)
    assert (error["param"], error["code"]) == ("messages[2].content[1]", "too_many_pictures")
    assert "takes 1 at most" in error["message"]
    assert not api.engine.requests


REMOTE = ["http://x/y.png", "https://x.org/y", "HTTPS://x", "ftp://x/y", "blob:abc", "s3://b/k"]


@pytest.mark.parametrize("url", REMOTE)
def test_pictures_of_other_machines_are_refused_by_the_exact_field(url: str) -> None:
    error = serve_vision().refuse(messages=user(TEXT, image_part(url)))
    assert error["param"] == "messages[0].content[1].image_url.url"
    assert "nothing is fetched" in error["message"] and "data:image/png" in error["message"]


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        url = f"http://127.0.0.1:{other.getsockname()[1]}/x.png"
        serve_vision().refuse(messages=user(image_part(url)))
        with pytest.raises(BlockingIOError):
            other.accept()


BROKEN = [
    ("data:image/png;base64,%%%", "not valid base64"),
    ("data:image/png;base64,AAAA", "no such picture"),
    ("data:image/png;base64,", "no such picture"),
    ("data:image/png,AAAA", "not in base64"),
    ("data:image/png", "is not the type"),
    ("data:,AAAA", "is not the type"),
    ("data:image/svg+xml;base64,PHN2Zz4=", "'image/svg+xml'"),
    ("data:text/html;base64,PHN2Zz4=", "'text/html'"),
    (data_url(picture_file("JPEG"), "png"), "its bytes are JPEG"),
    (data_url(picture_file()[:60]), "damaged or cut off"),
    ("", "--image-root"),
    ("photo.png", "--image-root"),
    ("/etc/passwd", "--image-root"),
    ("file:///etc/passwd", "--image-root"),
]


@pytest.mark.parametrize(("url", "words"), BROKEN, ids=lambda value: value[:30])
def test_what_is_no_picture_is_refused_by_the_exact_field(url: str, words: str) -> None:
    api = serve_vision()
    error = api.refuse(messages=user(TEXT, image_part(url)))
    assert error["param"] == "messages[0].content[1].image_url.url"
    assert words in error["message"] and len(error["message"]) < 400
    assert not api.engine.requests


WRONG: list[tuple[Any, str]] = [
    ({"type": "image_url"}, "messages[0].content[0].image_url"),
    ({"type": "image_url", "image_url": data_url()}, "messages[0].content[0].image_url"),
    ({"type": "image_url", "image_url": {}}, "messages[0].content[0].image_url.url"),
    ({"type": "image_url", "image_url": {"url": 3}}, "messages[0].content[0].image_url.url"),
    (image_part(detail="huge"), "messages[0].content[0].image_url.detail"),
    (image_part(mood=1), "messages[0].content[0].image_url.mood"),
    ({**image_part(), "prompt_cache_breakpoint": {"mode": "explicit"}},
     "messages[0].content[0].prompt_cache_breakpoint"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "param"), WRONG, ids=lambda value: str(value)[:60])
def test_a_part_of_another_form_is_refused_by_name(part: Any, param: str) -> None:
    assert serve_vision().refuse(messages=user(part))["param"] == param


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool"])
def test_pictures_stand_in_messages_of_the_user_only(role: str) -> None:
    more = {"tool_call_id": "a"} if role == "tool" else {}
    messages = [*user(TEXT), {"role": role, "content": [TEXT, image_part()], **more}]
    error = serve_vision().refuse(messages=messages)
    assert error["param"] == "messages[1].content[1]"
    assert "in a user's message" in error["message"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/tokenize"])
def test_a_model_of_text_refuses_the_part_by_name(path: str) -> None:
    error = serve().refuse(path, messages=user(TEXT, image_part()))
    assert error["param"] == "messages[0].content[1]"
    assert "fake reads text only" in error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": SCHEMA}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [tool()], "tool_choice": "required"}, "tools"),
        ({"tools": [tool(strict=True)]}, "tools"),
    ],
)
def test_an_answer_that_cannot_be_held_to_a_form_is_refused(fields: Any, param: str) -> None:
    error = serve_vision().refuse(messages=user(TEXT), **fields)
    assert error["param"] == param and "answer freely" in error["message"]


def test_tools_that_may_be_called_are_told_in_text() -> None:
    api = serve_vision(EACH, '<tool_call>get_weather\n{"city": "Bonn"}\n</tool_call>')
    (choice,) = api.chat(messages=user(), tools=[tool()])["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert "get_weather" in api.prompt and PLACES in api.prompt


def test_the_log_of_prompts_has_one_token_for_a_picture(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ovglm_serve")
    api = serve_vision(log_prompts=True)
    api.chat(messages=user())
    (line,) = [one for one in caplog.messages if "reads" in one]
    assert '"<|user|>\\n<|begin_of_image|>what is this?<|assistant|>"' in line
    assert not any(data_url()[30:60] in one for one in caplog.messages)


def test_pictures_are_counted() -> None:
    api = serve_vision()
    for _ in range(2):
        api.chat(messages=user())
    api.chat(messages=user(TEXT))
    figures = api.client.get("/metrics").text
    assert 'ovglm_pictures_total{model="fake"} 2.0' in figures
    prompts = sum(len(ids) for ids, _ in api.engine.requests)
    assert f'ovglm_prompt_tokens_total{{model="fake"}} {float(prompts)}' in figures


def test_the_list_of_models_says_what_they_take() -> None:
    card = serve_vision().client.get("/v1/models/fake").json()
    assert card["vision"] == {"image_size": 28, "tokens_per_picture": 6, "most_pictures": 1}
    assert serve().client.get("/v1/models/fake").json()["vision"] is None


def test_a_picture_is_bounded_by_the_limit_of_a_body() -> None:
    api = serve_vision(max_body_bytes=1000)
    body = {**HI, "messages": user(image_part(data_url() + "A" * 2000))}
    assert api.client.post("/v1/chat/completions", json=body).status_code == 413


def test_text_cannot_pose_as_a_picture() -> None:
    api = serve_vision()
    api.chat(messages=user({"type": "text", "text": PLACES}))
    assert api.engine.pictures == [()]
    assert EACH.begin_id not in api.engine.requests[0][0]
    assert TOKENIZER.decode(api.engine.requests[0][0], skip_special=False).count(PLACES) == 1
