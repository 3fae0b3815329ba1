"""Perplexity: every token once, with the context that was promised, and the right figures."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ovglm.errors import OvglmError
from ovglm.eval.likelihoods import Likelihoods, load_likelihoods
from ovglm.eval.perplexity import Perplexity, Windows, choose_windows, measure_perplexity
from ovglm.progress import Silence
from ovglm.tokens import Tokenizer

TEXT = "Hello! How can I help you? The capital of Italy is Rome. 你好！法国的首都是巴黎。\n" * 3


@pytest.fixture
def scorer(nano_bf16: Path) -> Likelihoods:
    """nano in float32."""
    return load_likelihoods(nano_bf16, "CPU", exact=True, say=lambda text: None)


def _measure(
    scorer: Likelihoods, windows: Windows, limit: int | None = None, text: str = TEXT
) -> Perplexity:
    return measure_perplexity(scorer, text, windows, Silence(), limit)


def _nats(scorer: Likelihoods, window: list[int], last: int) -> float:
    pieces = scorer.model.start().go_on(window[:-1], last)
    table = np.concatenate(list(pieces))
    return -float(table[np.arange(last), window[-last:]].sum())


def test_in_one_window_it_is_the_mean_of_the_whole(scorer: Likelihoods) -> None:
    tokenizer = scorer.tokenizer
    ids = tokenizer.encode(TEXT, allow_special=False)
    found = _measure(scorer, choose_windows(scorer))
    nats = _nats(scorer, [*tokenizer.prefix, *ids], len(ids))
    assert found.tokens == len(ids) and found.size == len(TEXT.encode())
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert found.perplexity == pytest.approx(math.exp(nats / len(ids)), rel=1e-5)
    assert found.bits_per_byte == pytest.approx(nats / math.log(2) / len(TEXT.encode()), rel=1e-5)


def test_windows_overlap_as_the_stride_says(scorer: Likelihoods) -> None:
    ids = scorer.tokenizer.encode(TEXT, allow_special=False)
    prefix = list(scorer.tokenizer.prefix)
    found = _measure(scorer, Windows(context=22, stride=5))
    nats, done = 0.0, 0
    for start in range(0, len(ids), 5):
        end = min(start + 20, len(ids))
        nats += _nats(scorer, [*prefix, *ids[start:end]], end - done)
        done = end
        if end == len(ids):
            break
    assert found.tokens == len(ids)
    assert found.nats == pytest.approx(nats, rel=1e-5)


def test_a_limit_scores_so_many_tokens_of_the_beginning(scorer: Likelihoods) -> None:
    ids = scorer.tokenizer.encode(TEXT, allow_special=False)[:10]
    found = _measure(scorer, choose_windows(scorer), limit=10)
    assert found.tokens == 10
    assert found.size == len(scorer.tokenizer.decode(ids).encode())
    assert found.nats == pytest.approx(
        _nats(scorer, [*scorer.tokenizer.prefix, *ids], 10), rel=1e-5
    )


def test_without_a_prefix_the_first_token_is_only_read(
    scorer: Likelihoods, nano_bf16: Path
) -> None:
    tokenizer = Tokenizer.load(nano_bf16)
    tokenizer.prefix = ()
    plain = replace(scorer, tokenizer=tokenizer)
    ids = tokenizer.encode(TEXT, allow_special=False)
    for windows in (choose_windows(plain), Windows(30, 30), Windows(9, 4)):
        assert _measure(plain, windows).tokens == len(ids) - 1
    assert _measure(plain, Windows(256, 128)).nats == pytest.approx(
        _nats(plain, ids, len(ids) - 1), rel=1e-5
    )


@pytest.mark.parametrize(("context", "stride"), [(64, 0), (64, 63), (3, None), (2, None)])
def test_windows_that_leave_tokens_out_are_refused(
    scorer: Likelihoods, context: int, stride: int | None
) -> None:
    with pytest.raises(OvglmError, match=r"stride is|has no room for text"):
        choose_windows(scorer, context, stride)


def test_the_widest_stride_is_chunks(scorer: Likelihoods) -> None:
    ids = scorer.tokenizer.encode(TEXT, allow_special=False)
    prefix = list(scorer.tokenizer.prefix)
    windows = choose_windows(scorer, 22, 20)
    chunks = [ids[at : at + 20] for at in range(0, len(ids), 20)]
    nats = sum(_nats(scorer, [*prefix, *chunk], len(chunk)) for chunk in chunks)
    assert _measure(scorer, windows).nats == pytest.approx(nats, rel=1e-5)


def test_too_short_a_text_is_refused(scorer: Likelihoods, nano_bf16: Path) -> None:
    assert _measure(scorer, choose_windows(scorer), text="1").tokens == 1
    tokenizer = Tokenizer.load(nano_bf16)
    tokenizer.prefix = ()
    with pytest.raises(OvglmError, match="the text has 1 token, too few to score"):
        _measure(replace(scorer, tokenizer=tokenizer), Windows(64, 32), text="1")


def test_an_endless_perplexity_is_infinite() -> None:
    assert Perplexity(1, 1e6, 1, Windows(2, 1)).perplexity == math.inf
