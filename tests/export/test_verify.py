"""A verification's figures are those of both whole models, run side by side."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from safetensors.numpy import load_file

from ir_runner import EXACT, run_ir
from ovglm.errors import CheckpointError, FolderError
from ovglm.manifest import read_manifest
from ovglm.nano import checkpoint_folder
from ovglm.recipe import Recipe
from ovglm.verification import Divergence, Verification
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.verify import greedy, logits, samples, states, verifying
from ovglm_export.verify.samples import Sample, make_samples
from ovglm_export.verify.verifying import VerifyOptions, verify_folder
from tiny_glm import write_checkpoint, write_safetensors

STOPS = (264, 271, 273)


def logarithms(found: np.ndarray) -> np.ndarray:
    shifted = found.astype(np.float64)
    shifted -= shifted.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def whole_logits(folder: Path, ids: tuple[int, ...]) -> np.ndarray:
    """Run a whole export over one sample: [T, vocab]."""
    given = np.array([ids])
    return run_ir(folder, given, np.ones_like(given), [len(ids)])[0]


def verify(source: Path, folder: Path, **wishes: Any) -> Verification:
    options = VerifyOptions(**{"level": "quick", "exact": True, **wishes})
    return verify_folder(open_checkpoint(source), folder, STOPS, options)


def change_weight(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace a tensor of a checkpoint in bf16."""
    tensors = load_file(folder / "model.safetensors")
    old = tensors[name]
    tensors[name] = change(old.astype(np.float32)).astype(old.dtype)
    write_safetensors(folder / "model.safetensors", tensors)


@pytest.mark.parametrize("layout", ["glm", "glm4"])
def test_the_figures_are_those_of_the_whole_models(tiny_models: Any, layout: str) -> None:
    wishes = {"tie_word_embeddings": layout == "glm"}
    source = tiny_models.checkpoint(layout, **wishes)
    plain = tiny_models.export(layout, **wishes)
    export = tiny_models.export(layout, Recipe(), **wishes)
    found = verify(source, export)
    kl, loss, export_loss, same, shared = [], [], [], [], []
    for sample in make_samples(export, "quick", 512):
        logs = logarithms(whole_logits(plain, sample.ids))[:-1]
        export_logs = logarithms(whole_logits(export, sample.ids))[:-1]
        rows, nexts = np.arange(len(logs)), np.array(sample.ids[1:])
        kl += (np.exp(logs) * (logs - export_logs)).sum(-1).tolist()
        loss += (-logs[rows, nexts]).tolist()
        export_loss += (-export_logs[rows, nexts]).tolist()
        same += (logs.argmax(-1) == export_logs.argmax(-1)).tolist()
        for one, other in zip(np.argsort(-logs), np.argsort(-export_logs), strict=True):
            shared.append(len({*one[:5]} & {*other[:5]}) / 5)
    total = found.total
    assert total.tokens == len(kl) == sum(group.tokens for group in found.groups)
    assert total.kl_mean == pytest.approx(np.mean(kl), rel=1e-3) and total.kl_mean > 0.001
    assert total.kl_p99 == pytest.approx(np.percentile(kl, 99), rel=1e-3)
    assert total.top1 == pytest.approx(np.mean(same), rel=1e-3)
    assert total.top5 == pytest.approx(np.mean(shared), rel=2e-3)
    assert total.perplexity == pytest.approx(math.exp(np.mean(loss)), rel=1e-3)
    assert total.export_perplexity == pytest.approx(math.exp(np.mean(export_loss)), rel=1e-3)
    ratio = math.exp(np.mean(export_loss) - np.mean(loss))
    assert total.perplexity_ratio == pytest.approx(ratio, rel=1e-3)


def test_every_language_and_kind_has_its_own_figures(tiny_models: Any) -> None:
    found = verify(tiny_models.checkpoint("glm"), tiny_models.export("glm", Recipe()))
    kinds = ["prose", "dialogue", "code", "arithmetic", "tools"]
    groups = [(group.language, group.kind) for group in found.groups]
    assert groups == [(language, kind) for language in ("en", "zh") for kind in kinds]
    assert len({group.kl_mean for group in found.groups}) == len(groups)


def test_unquantised_weights_are_the_original_itself(tiny_models: Any) -> None:
    found = verify(tiny_models.checkpoint("glm"), tiny_models.export("glm"), exact=False)
    assert (found.total.kl_mean, found.total.top1, found.total.perplexity_ratio) == (0, 1, 1)
    assert found.divergence.diverged == 0
    assert all(layer.added < 1e-6 and layer.carried < 1e-6 for layer in found.layers)


def test_int8_is_nearer_than_int4_in_every_figure(tiny_models: Any) -> None:
    source = tiny_models.checkpoint("glm")
    eight = verify(source, tiny_models.export("glm", Recipe("int8")))
    four = verify(source, tiny_models.export("glm", Recipe(group_size=-1)))
    assert eight.total.kl_mean < four.total.kl_mean / 10
    assert eight.total.top1 > four.total.top1
    assert all(
        one.added < other.added and one.carried < other.carried
        for one, other in zip(eight.layers, four.layers, strict=True)
    )


def test_a_damaged_layer_is_the_one_that_adds_the_error(tmp_path: Path) -> None:
    """The later layers only carry it on."""
    wishes: dict[str, Any] = {"num_hidden_layers": 4}
    source = write_checkpoint(tmp_path / "source", **wishes)
    other = write_checkpoint(tmp_path / "other", **wishes)
    change_weight(other, "model.layers.1.mlp.down_proj.weight", lambda old: old * 1.5)
    export_checkpoint(other, tmp_path / "export", Recipe("bf16"), ExportOptions(verify="none"))
    layers = verify(source, tmp_path / "export").layers
    assert [layer.added > 0.01 for layer in layers] == [False, True, False, False]
    assert [layer.carried > 0.01 for layer in layers] == [False, True, True, True]


def decode_whole(folder: Path, prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Decode six tokens greedily by the whole export, all read anew for each, without a cache."""
    model = ov.Core().compile_model(folder / "openvino_model.xml", "CPU", EXACT)
    request = model.create_infer_request()
    answers = []
    for prompt in prompts:
        ids = list(prompt)
        while len(ids) < len(prompt) + 6:
            request.reset_state()
            given = {
                "input_ids": np.array([ids]),
                "attention_mask": np.ones((1, len(ids)), np.int64),
                "position_ids": np.arange(len(ids))[None],
                "beam_idx": np.zeros(1, np.int32),
            }
            ids.append(int(request.infer(given)["logits"][0, -1].argmax()))
        answers.append(ids[len(prompt) :])
    return answers


def both_answers(
    plain: Path, export: Path, prompts: Sequence[tuple[int, ...]]
) -> list[tuple[list[int], list[int]]]:
    return list(zip(decode_whole(plain, prompts), decode_whole(export, prompts), strict=True))


def first_difference(one: list[int], other: list[int]) -> int | None:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=True), 1) if a != b), None)


@pytest.fixture
def three_prompts(tiny_models: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Verify on three short samples, and compare six greedy tokens behind each."""
    rng = np.random.default_rng(5)
    given = [Sample("en", "prose", tuple(rng.integers(0, 260, 8).tolist())) for _ in range(3)]
    monkeypatch.setitem(greedy.LIMITS, "quick", 6)
    monkeypatch.setattr(verifying, "make_samples", lambda *_: tuple(given))
    return [sample.ids[:4] for sample in given]


def check_divergence(
    found: Divergence, answers: list[tuple[list[int], list[int]]], form: str
) -> None:
    """Compare with what both models really wrote."""
    places = [first_difference(*pair) for pair in answers]
    differing = [place for place in places if place is not None]
    assert (found.form, found.limit, found.prompts) == (form, 6, len(places))
    assert found.diverged == len(differing) > 0
    assert found.tokens == sum(place or 6 for place in places)
    assert found.median == np.median(differing)


def test_greedy_decoding_diverges_where_both_really_do(
    tiny_models: Any, three_prompts: list[tuple[int, ...]]
) -> None:
    plain, export = tiny_models.export("glm"), tiny_models.export("glm", Recipe())
    answers = both_answers(plain, export, three_prompts)
    checkpoint = open_checkpoint(tiny_models.checkpoint("glm"))
    found = verify_folder(checkpoint, export, (), VerifyOptions("quick", exact=True))
    check_divergence(found.divergence, answers, "decoded")


def test_a_stop_id_ends_the_original_s_answer(
    tiny_models: Any, three_prompts: list[tuple[int, ...]]
) -> None:
    plain = tiny_models.export("glm")
    stop = decode_whole(plain, three_prompts)[0][1]
    checkpoint = open_checkpoint(tiny_models.checkpoint("glm"))
    found = verify_folder(checkpoint, plain, (stop,), VerifyOptions("quick", exact=True))
    assert found.divergence.diverged == 0
    assert found.divergence.tokens < 3 * 6


def test_a_large_model_is_followed_where_the_text_is_its_own(
    tiny_models: Any, three_prompts: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In texts that the original wrote itself, the bounded form finds what decoding finds."""
    plain, export = tiny_models.export("glm"), tiny_models.export("glm", Recipe())
    starts = [one[:1] for one in three_prompts]
    answers = both_answers(plain, export, starts)
    own = tuple(
        Sample("en", "prose", (*start, *wanted[:5]))
        for start, (wanted, _) in zip(starts, answers, strict=True)
    )
    monkeypatch.setattr(verifying, "make_samples", lambda *_: own)
    monkeypatch.setattr(verifying, "DECODED_BYTES", 0)
    checkpoint = open_checkpoint(tiny_models.checkpoint("glm"))
    found = verify_folder(checkpoint, export, (), VerifyOptions("quick", exact=True))
    check_divergence(found.divergence, answers, "in_texts")


def test_a_text_that_the_original_would_not_write_is_left_at_once() -> None:
    text = [[7, 1, 2, 9, 9]]
    best = [np.array([1, 2, 3, 4, 5])]
    found = greedy.compare_in_texts(text, best, [np.array([1, 2, 8, 4, 6])])
    # Behind 7 it writes 1 2 3, of which the text has 1 2; behind each 9 one token more.
    assert (found.prompts, found.limit, found.diverged) == (3, 3, 2)
    assert found.tokens == 3 + 1 + 1
    assert found.median == 2.0


def test_batches_and_chunks_change_nothing(
    tiny_models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, export = tiny_models.checkpoint("glm"), tiny_models.export("glm", Recipe())
    whole = verify(source, export)
    monkeypatch.setattr(states, "_MOST_TOKENS", 40)
    monkeypatch.setattr(logits, "_CHUNK_VALUES", 1)
    monkeypatch.setattr(logits, "_HEAD_TOKENS", 13)
    monkeypatch.setattr(logits, "_BLOCK_VALUES", 999)
    pieces = verify(source, export)
    assert pieces.total.kl_mean == pytest.approx(whole.total.kl_mean, rel=1e-3)
    assert pieces.total.perplexity == pytest.approx(whole.total.perplexity, rel=1e-3)
    for one, other in zip(pieces.layers, whole.layers, strict=True):
        assert one.carried == pytest.approx(other.carried, rel=1e-3)


def test_rounded_activations_are_part_of_the_figures(tiny_models: Any) -> None:
    source, export = tiny_models.checkpoint("glm"), tiny_models.export("glm", Recipe("int8"))
    weights, all_of_it = verify(source, export), verify(source, export, exact=False)
    assert weights.activations == "float32"
    assert all_of_it.activations == "8 bits in the CPU's own groups"


def test_a_layer_that_overflows_is_named(tiny_models: Any, tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "source")
    change_weight(source, "model.layers.1.mlp.down_proj.weight", lambda old: old * 0 + 3e38)
    export = tiny_models.export("glm")
    with pytest.raises(CheckpointError, match=r"layer 1 of .* gives NaN or Inf in float32"):
        verify(source, export)
    options = ExportOptions(verify="none")
    export_checkpoint(source, tmp_path / "export", Recipe("bf16"), options)
    with pytest.raises(FolderError, match="layer 1 of the export gives NaN or Inf on the CPU"):
        verify(tiny_models.checkpoint("glm"), tmp_path / "export")


def test_nano_has_its_figures_in_its_own_words(tmp_path: Path) -> None:
    folder = tmp_path / "nano"
    manifest = export_checkpoint(checkpoint_folder(), folder, Recipe("int8"))
    found = manifest.verification
    assert found is not None
    assert (found.level, found.total.tokens, len(found.layers)) == ("quick", 310, 5)
    assert 0 < found.total.kl_mean < 0.02
    assert found.total.top1 > 0.9
    assert found.divergence.form == "decoded"


def test_the_export_keeps_what_it_was_told(
    tiny_models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(samples._LONGEST, "full", 64)
    source = tiny_models.checkpoint("glm")
    none = export_checkpoint(source, tmp_path / "a", Recipe(), ExportOptions(verify="none"))
    quick = export_checkpoint(source, tmp_path / "b", Recipe())
    full = export_checkpoint(source, tmp_path / "c", Recipe(), ExportOptions(verify="full"))
    assert none.verification is None
    assert quick.verification and full.verification
    assert full.verification.total.tokens > 5 * quick.verification.total.tokens
    assert read_manifest(tmp_path / "c") == full
