"""Log-probabilities in OpenAI's form."""

import pytest

from serve_apps import HI, ByteEngine, serve, tool

H = {"token": "h", "logprob": -0.5, "bytes": [104]}


def test_each_token_has_its_score() -> None:
    scores = serve("hi").chat(logprobs=True)["choices"][0]["logprobs"]
    assert [one["token"] for one in scores["content"]] == ["h", "i"]
    assert scores["content"][0] == {**H, "top_logprobs": []}
    assert scores["refusal"] is None


def test_the_likeliest_tokens_come_best_first() -> None:
    scores = serve("h").chat(logprobs=True, top_logprobs=2)["choices"][0]["logprobs"]
    assert scores["content"][0]["top_logprobs"] == [
        {"token": "A", "logprob": -0.5, "bytes": [65]},
        {"token": "B", "logprob": -1.5, "bytes": [66]},
    ]


def test_twenty_is_the_most() -> None:
    api = serve("h")
    choice = api.chat(logprobs=True, top_logprobs=20)["choices"][0]
    assert len(choice["logprobs"]["content"][0]["top_logprobs"]) == 20
    assert api.refuse(logprobs=True, top_logprobs=21)["param"] == "top_logprobs"


@pytest.mark.parametrize("wish", [None, False])
def test_without_a_wish_there_are_none(wish: bool | None) -> None:
    api = serve("h")
    assert api.chat(logprobs=wish)["choices"][0]["logprobs"] is None
    assert not api.sampling.logprobs


def test_a_part_of_a_character_is_told_by_its_bytes() -> None:
    content = serve("你").chat(logprobs=True)["choices"][0]["logprobs"]["content"]
    assert [one["bytes"] for one in content] == [[byte] for byte in "你".encode()]
    assert content[0]["token"] == "\ufffd"


def test_an_impossible_token_is_a_number_too() -> None:
    engine = ByteEngine("h", logprob=float("-inf"))
    content = serve(engine=engine).chat(logprobs=True)["choices"][0]["logprobs"]["content"]
    assert content[0]["logprob"] == -9999.0


@pytest.mark.parametrize("answer", ["hello", 'get_weather\n{"city": "Bonn"}', "你好"])
def test_a_stream_has_the_same_scores_with_tools_too(answer: str) -> None:
    api = serve(answer)
    fields = {"tools": [tool()], "logprobs": True, "top_logprobs": 1}
    whole = api.chat(**fields)["choices"][0]["logprobs"]["content"]
    assert len(whole) == len(answer.encode())
    streamed = [
        score
        for event in api.stream(**fields)
        for choice in event["choices"]
        for score in (choice["logprobs"] or {"content": []})["content"]
    ]
    assert streamed == whole


def test_in_a_stream_scores_come_with_the_text_they_belong_to() -> None:
    events = serve("你").stream(logprobs=True)
    (choice,) = (
        choice for event in events for choice in event["choices"] if choice["delta"].get("content")
    )
    assert len(choice["logprobs"]["content"]) == 3
    assert HI["model"] == events[0]["model"]
