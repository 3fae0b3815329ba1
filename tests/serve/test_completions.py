"""/v1/completions: texts and token ids as they stand."""

from typing import Any

import pytest

from serve_apps import Api, ByteEngine, events_of, serve


def _complete(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.client.post("/v1/completions", json={"model": "fake", "prompt": "ab", **fields})
    assert reply.status_code == 200, reply.text
    return reply.json()


def _stream(api: Api, **fields: Any) -> list[Any]:
    body = {"model": "fake", "prompt": "ab", "stream": True, **fields}
    return events_of(api.client.post("/v1/completions", json=body).text)


def _texts(api: Api, **fields: Any) -> list[str]:
    return [choice["text"] for choice in _complete(api, **fields)["choices"]]


def test_a_reply_has_all_that_openai_says_of_one() -> None:
    reply = _complete(serve("cd"))
    assert reply.pop("id").startswith("cmpl-")
    assert reply.pop("created") > 1_700_000_000
    assert reply.pop("system_fingerprint").startswith("fp_")
    assert reply == {
        "object": "text_completion",
        "model": "fake",
        "choices": [{"index": 0, "text": "cd", "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 2,
            "completion_tokens": 2,
            "total_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def test_the_prompt_is_read_as_it_stands() -> None:
    api = serve("\ncd")
    assert _texts(api, prompt="<|user|>") == ["\ncd"]
    assert api.engine.requests[0][0] == tuple(b"<|user|>")


def test_a_text_stands_behind_what_the_template_begins_with() -> None:
    api = serve(template="<|system|>{% for m in messages %}{{ m.content }}{% endfor %}")
    _complete(api)
    assert api.engine.requests[0][0] == (258, *b"ab")
    _complete(api, prompt=[65])
    assert api.engine.requests[1][0] == (65,)


def test_a_template_that_cannot_do_without_messages_begins_with_nothing() -> None:
    api = serve(template="{{ raise_exception('no messages') }}")
    _complete(api)
    assert api.engine.requests[0][0] == tuple(b"ab")


def test_token_ids_are_taken_as_they_are() -> None:
    api = serve()
    _complete(api, prompt=[256, 65])
    assert api.engine.requests[0][0] == (256, 65)


@pytest.mark.parametrize("prompt", [["a", "b"], [[97], [98]]])
def test_several_prompts_give_their_texts_in_order(prompt: Any) -> None:
    api = serve("1", "2", "3", "4")
    reply = _complete(api, prompt=prompt, n=2, temperature=1)
    assert [choice["text"] for choice in reply["choices"]] == ["1", "2", "3", "4"]
    assert [choice["index"] for choice in reply["choices"]] == [0, 1, 2, 3]
    assert [ids for ids, _ in api.engine.requests] == [(97,), (98,)]
    assert reply["usage"]["prompt_tokens"] == 2
    assert reply["usage"]["completion_tokens"] == 4


def test_a_text_has_16_tokens_unless_told_otherwise() -> None:
    api = serve("x" * 30)
    assert _texts(api) == ["x" * 16]
    assert _texts(api, max_tokens=20) == ["x" * 20]
    assert _texts(api, max_tokens=None) == ["x" * 30]


def test_calls_are_nothing_special_here() -> None:
    assert _texts(serve('get_weather\n{"a": 1}'), max_tokens=99) == ['get_weather\n{"a": 1}']


def test_echo_puts_the_prompt_in_front() -> None:
    assert _texts(serve("cd"), echo=True) == ["abcd"]
    assert _texts(serve("cd"), echo=True, prompt=[97, 98]) == ["abcd"]
    events = _stream(serve("cd"), echo=True)
    assert "".join(event["choices"][0]["text"] for event in events) == "abcd"


def test_echo_with_scores_is_refused() -> None:
    error = serve().refuse("/v1/completions", messages=..., prompt="a", echo=True, logprobs=1)
    assert error["param"] == "echo"


@pytest.mark.parametrize("field", ["temperature", "top_p", "seed", "top_k", "presence_penalty"])
def test_the_sampling_fields_are_those_of_the_chat(field: str) -> None:
    api = serve()
    _complete(api, **{field: 1})
    assert getattr(api.sampling, field) == 1


def test_a_text_ends_before_a_stop_text() -> None:
    assert _texts(serve("hello"), stop=["l"]) == ["he"]


def test_scores_are_in_the_old_form() -> None:
    scores = _complete(serve("cd"), logprobs=2)["choices"][0]["logprobs"]
    assert scores == {
        "tokens": ["c", "d"],
        "token_logprobs": [-0.5, -0.5],
        "top_logprobs": [{"c": -0.5, "A": -0.5, "B": -1.5}, {"d": -0.5, "A": -0.5, "B": -1.5}],
        "text_offset": [0, 1],
    }


@pytest.mark.parametrize("count", [-1, 6])
def test_scores_of_more_than_five_are_refused(count: int) -> None:
    error = serve().refuse("/v1/completions", messages=..., prompt="a", logprobs=count)
    assert error["param"] == "logprobs"


def test_a_stream_comes_to_the_same_as_one_go() -> None:
    api = serve("你好", "x")
    fields = {"prompt": ["a", "b"], "logprobs": 1, "stream_options": {"include_usage": True}}
    *events, last = _stream(api, **fields)
    whole = _complete(serve("你好", "x"), prompt=["a", "b"], logprobs=1)
    for index, choice in enumerate(whole["choices"]):
        pieces = [e["choices"][0] for e in events if e["choices"][0]["index"] == index]
        assert "".join(one["text"] for one in pieces) == choice["text"]
        assert pieces[-1]["finish_reason"] == choice["finish_reason"] == "stop"
        for key, value in choice["logprobs"].items():
            assert [x for one in pieces for x in one["logprobs"][key]] == value
    assert last["choices"] == [] and last["usage"] == whole["usage"]
    assert all(event["usage"] is None for event in events)


@pytest.mark.parametrize("prompt", ["", [], [""], [[]], [1, "a"], [-1], [2**31], [["a"]], {}, None])
def test_a_prompt_that_is_none_is_refused_by_name(prompt: Any) -> None:
    error = serve().refuse_json({"messages": ..., "prompt": prompt}, "/v1/completions")
    assert error["param"].startswith("prompt")


def test_an_id_that_the_model_lacks_is_refused() -> None:
    error = serve().refuse("/v1/completions", messages=..., prompt=[5000])
    assert error["param"] == "prompt" and "5000" in error["message"]


def test_a_refused_prompt_ends_those_before_it() -> None:
    api = serve(engine=ByteEngine("ok", context=6, stalls=0))
    error = api.refuse("/v1/completions", messages=..., prompt=["a", "too long"])
    assert error["code"] == "context_length_exceeded"
    assert api.engine.cancelled.is_set()
