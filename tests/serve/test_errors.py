"""Every error is OpenAI's body with the right status, whatever goes wrong and where."""

import logging

import pytest

from ovglm.errors import OvglmError, RequestError
from ovglm_serve.errors import ApiError, as_refusal, error_body
from serve_apps import HI, ByteEngine, events_of, serve

CHAT = "/v1/chat/completions"


def test_a_body_that_is_no_json_is_refused() -> None:
    reply = serve().client.post(CHAT, content=b"{", headers={"content-type": "application/json"})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["code"] == "invalid_json" and error["param"] is None
    assert "not valid JSON" in error["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"null", b'"x"'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    reply = serve().client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"n": ' + b"9" * 5000 + b"}", b"[" * 100_000])
def test_a_body_that_breaks_the_reader_of_json_is_refused(body: bytes) -> None:
    reply = serve().client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_a_body_of_another_type_is_refused() -> None:
    reply = serve().client.post(CHAT, content=b"a=b", headers={"content-type": "text/plain"})
    assert reply.status_code == 400
    assert "Content-Type" in reply.json()["error"]["message"]


def test_half_a_character_that_is_named_comes_back_as_an_escape() -> None:
    body = b'{"model": "\\ud800", "messages": [{"role": "user", "content": "x"}]}'
    reply = serve().client.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 404
    assert b"'\\\\ud800'" in reply.content or b"'\\ud800'" in reply.content


def test_half_a_character_in_the_name_of_a_field_is_refused() -> None:
    assert "surrogate" in serve().refuse_json({"\ud800": 1})["message"]


def test_an_unknown_model_is_404() -> None:
    reply = serve().client.post(CHAT, json={**HI, "model": "gpt-4o"})
    assert reply.status_code == 404
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == ("model", "model_not_found")
    assert "'gpt-4o'" in error["message"] and "fake" in error["message"]


def test_an_unknown_path_is_404_with_the_same_body() -> None:
    reply = serve().client.get("/v1/engines")
    assert reply.status_code == 404
    assert "/v1/engines" in reply.json()["error"]["message"]


def test_a_wrong_method_is_405_with_the_same_body() -> None:
    reply = serve().client.get(CHAT)
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_a_prompt_that_is_too_long_is_refused_with_both_numbers() -> None:
    api = serve(engine=ByteEngine("ok", context=6))
    error = api.refuse(messages=[{"role": "user", "content": "hello"}])
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    assert "8 tokens" in error["message"] and "has 5" in error["message"]
    assert api.engine.requests == []


def test_a_prompt_of_a_completion_that_is_too_long_names_its_field() -> None:
    api = serve(engine=ByteEngine("ok", context=6))
    error = api.refuse("/v1/completions", messages=..., prompt="hello!")
    assert (error["code"], error["param"]) == ("context_length_exceeded", "prompt")
    assert "6 tokens" in error["message"] and "has 5" in error["message"]


class Refusing(ByteEngine):
    """Refuses at once."""

    def __init__(self, error: OvglmError) -> None:
        super().__init__()
        self.refusal = error

    def submit(self, *given: object) -> "object":  # pyright: ignore
        raise self.refusal


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_cannot_do_for_a_request_is_400(stream: bool) -> None:
    api = serve(engine=Refusing(RequestError("no schema with $ref", hint="write it out")))
    assert "no schema with $ref (try: write it out)" in api.refuse(stream=stream)["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_fails_is_500(stream: bool) -> None:
    api = serve(engine=Refusing(OvglmError("the worker died", hint="ovglm doctor")))
    reply = api.client.post(CHAT, json={**HI, "stream": stream})
    assert reply.status_code == 500
    error = reply.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "model_failed")
    assert error["message"] == "the worker died (try: ovglm doctor)"


@pytest.mark.parametrize(("error", "status"), [(RequestError("no"), 400), (OvglmError("no"), 500)])
def test_an_error_in_the_place_of_the_first_piece_has_its_status_in_a_stream_too(
    error: OvglmError, status: int
) -> None:
    api = serve(engine=ByteEngine(fails_at=0, error=error))
    for stream in (False, True):
        assert api.client.post(CHAT, json={**HI, "stream": stream}).status_code == status


def test_an_error_in_the_middle_of_a_stream_is_its_last_event() -> None:
    api = serve(engine=ByteEngine("abc", fails_at=1, error=OvglmError("the worker died")))
    reply = api.client.post(CHAT, json={**HI, "stream": True})
    assert reply.status_code == 200
    assert "[DONE]" not in reply.text
    *events, last = events_of(reply.text + "data: [DONE]\n\n")
    assert events[1]["choices"][0]["delta"] == {"content": "a"}
    assert last == error_body(500, "the worker died", code="model_failed")


def test_a_bug_is_500_with_nothing_of_it_in_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    api = serve(engine=ByteEngine(fails_at=0, error=ZeroDivisionError("secret")), quiet=True)
    reply = api.client.post(CHAT, json=HI)
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "server_error"
    assert "secret" not in reply.text


def test_an_answer_that_the_server_ended_is_503() -> None:
    api = serve(engine=ByteEngine("abc", ends_as="cancelled"))
    reply = api.client.post(CHAT, json=HI)
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "cancelled"


def test_blame_falls_on_the_field_that_is_named() -> None:
    with pytest.raises(ApiError) as caught, as_refusal("top_p", "invalid_value"):
        raise OvglmError("top_p is 3", hint="1")
    assert caught.value.body["error"]["param"] == "top_p"
    assert caught.value.status == 400
