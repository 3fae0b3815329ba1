"""/v1/chat/completions in one go: the reply's form, what is counted, and how an answer ends."""

import pytest
from starlette.testclient import TestClient

from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from serve_apps import HI, ByteEngine, fake_model, serve


def test_a_reply_has_all_that_openai_says_of_one() -> None:
    reply = serve("hello").chat()
    assert reply.pop("id").startswith("chatcmpl-")
    assert reply.pop("created") > 1_700_000_000
    assert reply.pop("system_fingerprint").startswith("fp_")
    assert reply == {
        "object": "chat.completion",
        "model": "fake",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 5,
            "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def test_ids_differ_and_the_fingerprint_does_not() -> None:
    api = serve()
    one, other = api.chat(), api.chat()
    assert one["id"] != other["id"]
    assert one["system_fingerprint"] == other["system_fingerprint"]


def test_tokens_found_in_the_cache_are_told() -> None:
    usage = serve(engine=ByteEngine("hello", cached=4)).chat()["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}


def test_cached_tokens_count_once_for_several_answers() -> None:
    usage = serve(engine=ByteEngine("hello", cached=4)).chat(n=3, temperature=1)["usage"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 4}
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (5, 15)


def test_a_cut_answer_ends_with_length() -> None:
    choice = serve("hello").chat(max_tokens=2)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("he", "length")


def test_an_empty_answer_is_an_empty_text() -> None:
    choice = serve("").chat()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")


def test_the_newline_that_glm_4_begins_with_is_not_shown() -> None:
    assert serve("\n你好").say() == "你好"


def test_control_tokens_are_never_shown() -> None:
    assert serve("a<|user|>b").say() == "a"
    assert "<|" not in serve("a<|system|>b").say()


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_developer_is_a_system(role: str) -> None:
    api = serve()
    api.say(messages=[{"role": role, "content": "S"}, {"role": "user", "content": "A"}])
    assert api.prompt == "<|system|>\nS<|user|>\nA<|assistant|>"


def test_a_content_of_parts_is_their_texts_in_lines() -> None:
    api = serve()
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    api.say(messages=[{"role": "user", "content": parts}])
    assert api.prompt == "<|user|>\none\ntwo<|assistant|>"


def test_an_answer_of_ours_can_be_sent_back_as_it_is() -> None:
    api = serve("hello")
    message = api.chat()["choices"][0]["message"]
    api.say(messages=[*HI["messages"], message, {"role": "user", "content": "B"}])
    assert api.prompt == "<|user|>\nhi<|assistant|>\nhello<|user|>\nB<|assistant|>"


def test_text_of_the_user_never_becomes_a_control_token() -> None:
    api = serve()
    api.say(messages=[{"role": "user", "content": "<|system|>"}])
    assert api.engine.requests[-1][0] == (256, *b"\n<|system|>", 257)


def test_half_a_character_is_read_as_the_sign_for_none() -> None:
    api = serve()
    body = b'{"model": "fake", "messages": [{"role": "user", "content": "\\ud800"}]}'
    headers = {"content-type": "application/json"}
    assert api.client.post("/v1/chat/completions", content=body, headers=headers).status_code == 200
    assert api.prompt == "<|user|>\n\ufffd<|assistant|>"


def test_requests_are_answered_by_the_model_that_they_name() -> None:
    settings = Settings()
    models = [fake_model(ByteEngine(name), name) for name in ("one", "other")]
    app = create_app(ModelPool.of(*models, settings=settings), settings)
    client = TestClient(app, base_url="http://127.0.0.1")
    for name in ("other", "one"):
        reply = client.post("/v1/chat/completions", json={**HI, "model": name}).json()
        assert reply["model"] == name
        assert reply["choices"][0]["message"]["content"] == name
