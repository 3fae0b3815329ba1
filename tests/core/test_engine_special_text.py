"""Control tokens in an answer's text: hidden as a rule, kept for parsers, and never the stop."""

from pathlib import Path

import pytest

from ovglm.engine.text import AnswerText
from ovglm.messages import Sampling
from ovglm.tokens import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(nano: Path) -> Tokenizer:
    return Tokenizer.load(nano)


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, allow_special=True)


def text_of(tokenizer: Tokenizer, text: str, stop: str, sampling: Sampling) -> tuple[str, str]:
    answer = AnswerText(tokenizer, sampling, ids_of(tokenizer, stop))
    chunk = answer.push(ids_of(tokenizer, text))
    assert chunk is not None
    return chunk.text, str(chunk.finish_reason)


def test_control_tokens_are_hidden_unless_they_are_asked_for(tokenizer: Tokenizer) -> None:
    written = "a<|assistant|>b<|user|>c"
    hidden = text_of(tokenizer, written, "<|user|>", Sampling())
    kept = text_of(tokenizer, written, "<|user|>", Sampling(keep_special=True))
    assert (hidden, kept) == (("ab", "stop"), ("a<|assistant|>b", "stop"))


def test_a_stop_text_may_be_a_control_token_that_is_kept(tokenizer: Tokenizer) -> None:
    sampling = Sampling(keep_special=True, stop=("<|assistant|>",))
    assert text_of(tokenizer, "a<|assistant|>b", "<|user|>", sampling) == ("a", "stop")
