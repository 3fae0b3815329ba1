"""/v1/tokenize and /v1/detokenize."""

from typing import Any

import pytest

from serve_apps import HI, Api, serve, tool


def _post(api: Api, path: str, **fields: Any) -> dict[str, Any]:
    reply = api.client.post(path, json={"model": "fake", **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_text_is_tokenized_as_it_stands() -> None:
    reply = _post(serve(), "/v1/tokenize", prompt="<|user|>")
    assert reply == {"tokens": list(b"<|user|>"), "count": 8, "max_model_len": 4096}


def test_messages_are_tokenized_as_the_chat_reads_them() -> None:
    api = serve()
    api.chat(tools=[tool()])
    reply = _post(api, "/v1/tokenize", messages=HI["messages"], tools=[tool()])
    assert tuple(reply["tokens"]) == api.engine.requests[0][0]
    assert reply["count"] == len(reply["tokens"])


def test_tokens_become_text_again_with_control_tokens() -> None:
    assert _post(serve(), "/v1/detokenize", tokens=[256, 104, 105]) == {"prompt": "<|user|>hi"}
    assert _post(serve(), "/v1/detokenize", tokens=[]) == {"prompt": ""}


@pytest.mark.parametrize(
    ("fields", "word"),
    [({}, "either"), ({"prompt": "a", "messages": HI["messages"]}, "either"),
     ({"prompt": "a", "tools": [tool()]}, "'tools'")],
)  # fmt: skip
def test_a_text_or_messages_are_needed(fields: dict[str, Any], word: str) -> None:
    error = serve().refuse_json({"messages": ..., **fields}, "/v1/tokenize")
    assert word in error["message"]


@pytest.mark.parametrize("tokens", ["abc", [-1], [2**31], [1.5], ["a"], None])
def test_tokens_that_are_none_are_refused(tokens: Any) -> None:
    error = serve().refuse_json({"messages": ..., "tokens": tokens}, "/v1/detokenize")
    assert error["param"].startswith("tokens")


def test_an_id_that_the_model_lacks_is_refused_here_too() -> None:
    error = serve().refuse_json({"messages": ..., "tokens": [5000]}, "/v1/detokenize")
    assert error["param"] == "tokens" and "5000" in error["message"]
