"""Scores of given tokens: the same however the text is cut, and those of a plain forward pass."""

from pathlib import Path

import numpy as np
import pytest

from ovglm.engine import logits
from ovglm.errors import OvglmError, RequestError
from ovglm.eval.likelihoods import Likelihoods, load_likelihoods
from ovglm.messages import Sampling

IDS = [int(one) for one in np.random.default_rng(3).integers(20, 2000, 90)]


@pytest.fixture
def scorer(nano_bf16: Path) -> Likelihoods:
    """nano in float32, not compiled yet."""
    return _open(nano_bf16)


def _open(folder: Path, context: int | None = None) -> Likelihoods:
    return load_likelihoods(folder, "CPU", context=context, exact=True, say=lambda text: None)


def _whole(scorer: Likelihoods, ids: list[int]) -> np.ndarray:
    """Score all tokens but the first in one pass."""
    pieces = scorer.model.start().go_on(ids[:-1], len(ids) - 1)
    table = np.concatenate(list(pieces))
    return table[np.arange(len(ids) - 1), ids[1:]]


def test_a_text_gets_the_same_scores_in_pieces(
    scorer: Likelihoods, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _whole(scorer, IDS)
    monkeypatch.setattr(logits, "_MOST_TOKENS", 7)
    pieces = list(scorer.sequence(IDS, 30))
    assert len(pieces) > 5
    parts = np.concatenate([one.logprobs for one in pieces])
    assert np.abs(parts - whole[29:]).max() < 1e-4


def test_options_side_by_side_get_the_scores_they_have_alone(
    scorer: Likelihoods, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, options = IDS[:60], [IDS[60:61], IDS[60:75], IDS[70:90], IDS[80:83]]
    for most in (512, 6):
        monkeypatch.setattr(logits, "_MOST_TOKENS", most)
        found = scorer.options(context, options)
        for option, scores in zip(options, found, strict=True):
            alone = _whole(scorer, [*context, *option])[59:]
            assert len(scores.logprobs) == len(option)
            assert np.abs(scores.logprobs - alone).max() < 1e-4


def test_many_options_are_read_in_several_goes(
    scorer: Likelihoods, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ovglm.eval import likelihoods

    options = [[one] for one in IDS[60:70]]
    together = scorer.options(IDS[:60], options)
    monkeypatch.setattr(likelihoods, "_SIDE_BY_SIDE", 200)
    apart = scorer.options(IDS[:60], options)
    assert [one.total for one in apart] == pytest.approx([one.total for one in together], abs=1e-4)


def test_what_the_engine_answers_greedily_is_greedy_here(
    scorer: Likelihoods, nano_bf16: Path
) -> None:
    from ovglm.engine.load import load_engine
    from ovglm.eval.likelihoods import exact_options

    prompt = scorer.tokenizer.encode("[gMASK]<sop><|user|>\nHi!<|assistant|>", allow_special=True)
    engine = load_engine(nano_bf16, "CPU", exact_options(None), say=lambda text: None)
    try:
        sampling = Sampling(max_new_tokens=6, logprobs=True)
        chunks = list(engine.submit(prompt, sampling))
    finally:
        engine.close()
    ids = [token for chunk in chunks for token in chunk.token_ids]
    (scores,) = scorer.options(prompt, [ids])
    assert scores.is_greedy
    logprobs = [one for chunk in chunks for one in chunk.logprobs]
    assert scores.logprobs == pytest.approx(logprobs, abs=1e-3)
    assert not scorer.options(prompt, [[*ids[:-1], ids[-1] ^ 1]])[0].is_greedy


def test_memory_is_bounded_by_the_piece(scorer: Likelihoods) -> None:
    reading = scorer.model.start()
    sizes = [piece.size for piece in reading.go_on(IDS * 20, len(IDS) * 20)]
    assert len(sizes) > 1 and max(sizes) <= logits._MOST_LOGITS


def test_a_text_longer_than_the_context_is_refused(nano_bf16: Path) -> None:
    scorer = _open(nano_bf16, context=40)
    assert scorer.context == 40
    with pytest.raises(RequestError, match="89 tokens are to be read at once; CPU takes 40"):
        list(scorer.sequence(IDS, 1))
    with pytest.raises(RequestError, match="41 tokens are to be read"):
        scorer.options(IDS[:39], [IDS[:3]])


@pytest.mark.parametrize("device", ["NPU", "npu", "NPU,CPU"])
def test_an_npu_is_refused_in_one_sentence(nano_bf16: Path, device: str) -> None:
    with pytest.raises(OvglmError, match="an NPU gives the tokens that it chose but no logits"):
        load_likelihoods(nano_bf16, device, say=lambda text: None)


def test_a_model_that_cannot_be_compiled_is_an_error_with_a_hint(
    scorer: Likelihoods, tmp_path: Path
) -> None:
    scorer.model.path = tmp_path / "gone.xml"
    with pytest.raises(OvglmError, match="the model could not be run") as info:
        list(scorer.sequence(IDS, 1))
    assert info.value.hint
