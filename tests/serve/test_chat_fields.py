"""Each sampling field of a chat request, and its effect."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ovglm.messages import Sampling
from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from serve_apps import HI, ByteEngine, fake_model, serve


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0.7),
        ("temperature", 0),
        ("top_p", 0.5),
        ("top_k", 7),
        ("min_p", 0.1),
        ("seed", 42),
        ("presence_penalty", -1.5),
        ("frequency_penalty", 2),
        ("repetition_penalty", 1.1),
        ("ignore_eos", True),
        ("n", 3),
    ],
)
def test_a_sampling_field_reaches_the_engine(field: str, value: Any) -> None:
    api = serve()
    api.chat(**{field: value})
    assert getattr(api.sampling, field) == value


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_both_names_of_the_length_cut_the_answer(field: str) -> None:
    api = serve("hello")
    assert api.say(**{field: 3}) == "hel"
    assert api.sampling.max_new_tokens == 3


def test_both_names_of_the_length_may_agree() -> None:
    assert serve("hello").say(max_tokens=2, max_completion_tokens=2) == "he"


def test_without_a_length_an_answer_has_what_the_context_leaves() -> None:
    api = serve(engine=ByteEngine("hello world", context=10))
    choice = api.chat()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hello", "length")
    assert api.sampling.max_new_tokens == 5


def test_a_length_beyond_the_context_ends_with_the_context() -> None:
    api = serve(engine=ByteEngine("hello world", context=10))
    assert api.chat(max_tokens=4000)["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stop", ["lo", ["xyz", "lo"], ["a", "b", "lo", "c"]])
def test_an_answer_ends_before_a_stop_text(stop: Any) -> None:
    choice = serve("hello world").chat(stop=stop)["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("hel", "stop")


def test_a_stop_text_never_leaks_into_a_stream() -> None:
    api = serve("hello world")
    texts = [
        choice["delta"].get("content") or ""
        for event in api.stream(stop="lo w")
        for choice in event["choices"]
    ]
    assert "".join(texts) == "hel"


def test_n_answers_are_n_choices() -> None:
    choices = serve("one", "two", "three").chat(n=3, temperature=1)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert [choice["message"]["content"] for choice in choices] == ["one", "two", "three"]


def test_null_is_as_good_as_nothing() -> None:
    api = serve()
    api.chat(**dict.fromkeys(("temperature", "top_p", "n", "stop", "seed", "max_tokens", "tools")))
    plain = serve()
    plain.chat()
    assert api.sampling == plain.sampling


def _client(folder: Path, engine: ByteEngine) -> TestClient:
    pool = ModelPool.of(fake_model(engine, folder=folder))
    return TestClient(create_app(pool, Settings()), base_url="http://127.0.0.1")


def test_what_is_left_out_is_as_the_model_recommends(tmp_path: Path) -> None:
    advice = {"do_sample": True, "temperature": 0.6, "top_p": 0.8, "max_new_tokens": 3}
    (tmp_path / "generation_config.json").write_text(json.dumps(advice))
    engine = ByteEngine()
    _client(tmp_path, engine).post("/v1/chat/completions", json={**HI, "top_p": 0.9})
    sampling = engine.requests[0][1]
    assert (sampling.temperature, sampling.top_p) == (0.6, 0.9)
    assert sampling.max_new_tokens > 3


def test_without_advice_the_likeliest_tokens_are_taken() -> None:
    api = serve()
    api.chat()
    assert api.sampling.is_greedy
    assert api.sampling.top_p == Sampling().top_p


def test_the_parser_gets_control_tokens() -> None:
    api = serve()
    api.chat()
    assert api.sampling.keep_special
