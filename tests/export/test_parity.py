"""The exported graph computes what transformers' own class computes in float32, in every layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from ir_runner import positions_of, run_ir
from ovglm_export.checkpoint import open_checkpoint
from tiny_glm import ABSENT

TOLERANCE = 1e-4  # of the logits' range
PROMPT, STEPS = 9, 10
CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "heads_equal_groups": {"num_key_value_heads": 4},
    "one_group": {"num_key_value_heads": 1},
    "three_heads_three_groups": {"num_attention_heads": 3, "num_key_value_heads": 3},
    "five_heads_one_group": {"num_attention_heads": 5, "num_key_value_heads": 1},
    "quarter_rotary": {"partial_rotary_factor": 0.25},
    "full_rotary": {"partial_rotary_factor": 1.0},
    "wide_heads": {"head_dim": 128, "num_attention_heads": 2, "num_key_value_heads": 1},
    "no_bias": {"attention_bias": False},
    "tied": {"tie_word_embeddings": True},
    "odd_vocabulary": {"vocab_size": 333},
    "odd_widths": {"hidden_size": 136, "intermediate_size": 200},
    "chat_numbers": {"rope_theta": 5_000_000.0, "rms_norm_eps": 1.5625e-7},
    "edge_numbers": {
        "partial_rotary_factor": 1.0, "head_dim": 128, "num_attention_heads": 6,
        "num_key_value_heads": 2, "attention_bias": False, "hidden_size": 192,
        "intermediate_size": 328,
    },
    "all_odd": {
        "num_attention_heads": 7, "num_key_value_heads": 1, "partial_rotary_factor": 0.25,
        "head_dim": 128, "attention_bias": False, "tie_word_embeddings": True,
        "vocab_size": 301, "hidden_size": 72, "intermediate_size": 100, "num_hidden_layers": 3,
    },
}  # fmt: skip
# The original layout always rotates half of each head.
CASES = [
    pytest.param(layout, changes, id=f"{layout}-{name}")
    for layout in ("glm", "glm4", "chatglm")
    for name, changes in CONFIGS.items()
    if layout != "chatglm" or "partial_rotary_factor" not in changes
]
YARN = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
CLASSES = {
    "glm": transformers.GlmForCausalLM,
    "glm4": transformers.Glm4ForCausalLM,
    "chatglm": transformers.GlmForCausalLM,
}


def load_reference(tiny_models: Any, layout: str, **wishes: Any) -> Any:
    """Load transformers' class in float32; the original layout's weights come in `glm` names."""
    known = "glm" if layout == "chatglm" else layout
    folder = tiny_models.checkpoint(known, **wishes)
    model, report = CLASSES[layout].from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    assert not any(report.values()), report
    check_rotary(folder, model)
    return model.eval()


def check_rotary(folder: Path, model: Any) -> None:
    """Make sure that both sides were told the same numbers of the rotary embedding."""
    arch = open_checkpoint(folder).architecture
    rotary = model.model.rotary_emb
    inverse = arch.inverse_frequencies()
    assert rotary.inv_freq.shape == inverse.shape == (arch.rotary_dim // 2,)
    np.testing.assert_allclose(inverse, rotary.inv_freq.numpy(), rtol=1e-6)
    assert arch.rotary_scale == pytest.approx(rotary.attention_scaling, rel=1e-6)


def make_batch(vocabulary: int, length: int, padding: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the ids of two rows, the first one padded at the left, and their mask."""
    rng = np.random.default_rng(7)
    ids, mask = rng.integers(0, vocabulary, (2, length)), np.ones((2, length), np.int64)
    ids[0, :padding], mask[0, :padding] = 264, 0
    return ids, mask


def reference_logits(model: Any, ids: np.ndarray, mask: np.ndarray, first: int = 0) -> np.ndarray:
    with torch.no_grad():
        result = model(
            input_ids=torch.tensor(ids),
            attention_mask=torch.tensor(mask),
            position_ids=torch.tensor(positions_of(mask, first)),
            use_cache=False,
        )
    return result.logits.numpy()


def difference(ours: np.ndarray, theirs: np.ndarray, mask: np.ndarray) -> float:
    """Return the largest difference where no padding is, relative to the logits' range."""
    real = mask.astype(bool)
    return float(np.abs(ours - theirs)[real].max() / np.ptp(theirs[real]))


def check_parity(tiny_models: Any, layout: str, **wishes: Any) -> None:
    """Compare one row and a padded batch of two: prompt, then ten cached steps."""
    model = load_reference(tiny_models, layout, **wishes)
    folder = tiny_models.export(layout, **wishes)
    chunks = [PROMPT] + [1] * STEPS
    ids, mask = make_batch(model.config.vocab_size, sum(chunks), padding=4)
    theirs = reference_logits(model, ids, mask)
    assert theirs.std() > 0.3
    assert difference(run_ir(folder, ids, mask, chunks), theirs, mask) <= TOLERANCE
    ids, mask, theirs = ids[1:], mask[1:], theirs[1:]
    assert difference(run_ir(folder, ids, mask, chunks), theirs, mask) <= TOLERANCE


@pytest.mark.parametrize(("layout", "changes"), CASES)
def test_logits_equal_transformers(tiny_models: Any, layout: str, changes: dict[str, Any]) -> None:
    check_parity(tiny_models, layout, **changes)


@pytest.mark.parametrize("layout", ["glm", "glm4", "chatglm"])
@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_logits_equal_transformers_from_other_types(
    tiny_models: Any, layout: str, dtype: str
) -> None:
    check_parity(tiny_models, layout, dtype=dtype)


@pytest.mark.parametrize("layout", ["glm", "glm4"])
@pytest.mark.parametrize("part", [0.25, 1.0])
def test_nested_rope_parameters_are_read(tiny_models: Any, layout: str, part: float) -> None:
    rope = {"rope_type": "default", "rope_theta": 250_000.0, "partial_rotary_factor": part}
    flat = {"rope_theta": ABSENT, "partial_rotary_factor": ABSENT}
    check_parity(tiny_models, layout, rope_parameters=rope, **flat)


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_scaling": YARN},
        {"rope_scaling": {**YARN, "rope_type": "yarn", "attention_factor": 0.7}},
        {"rope_scaling": {**YARN, "beta_fast": 2.0, "beta_slow": 0.5, "truncate": False}},
        {"rope_scaling": {"type": "yarn", "factor": 4.0}},
        {"rope_scaling": {**YARN, "mscale": 0.8, "mscale_all_dim": 1.2}},
        {"rope_parameters": {**YARN, "rope_theta": 5e5, "partial_rotary_factor": 1.0}},
    ],
    ids=["readme", "attention_factor", "betas", "no_original", "mscale", "nested"],
)
def test_yarn_equals_transformers_beyond_the_original_context(
    tiny_models: Any, changes: dict[str, Any]
) -> None:
    wishes: dict[str, Any] = {"max_position_embeddings": 64, **changes}
    if "rope_parameters" in changes:
        wishes |= {"rope_theta": ABSENT, "partial_rotary_factor": ABSENT}
    model = load_reference(tiny_models, "glm4", **wishes)
    assert model.model.rotary_emb.attention_scaling != 1.0
    ids, mask = make_batch(320, 60)
    theirs = reference_logits(model, ids, mask)
    ours = run_ir(tiny_models.export("glm4", **wishes), ids, mask, [50] + [1] * 10)
    assert difference(ours, theirs, mask) <= TOLERANCE


@pytest.mark.parametrize("theta", [1e4, 1e8])
def test_far_positions_lose_no_accuracy(tiny_models: Any, theta: float) -> None:
    wishes = {"rope_theta": theta, "max_position_embeddings": 1 << 20}
    model = load_reference(tiny_models, "glm", **wishes)
    ids, mask = make_batch(320, 20)
    first = (1 << 20) - 20
    theirs = reference_logits(model, ids, mask, first)
    ours = run_ir(tiny_models.export("glm", **wishes), ids, mask, [10] + [1] * 10, first=first)
    assert difference(ours, theirs, mask) <= TOLERANCE


def test_the_cache_follows_the_beams(tiny_models: Any) -> None:
    folder = tiny_models.export("glm")
    ids, mask = make_batch(320, 6)
    swapped = ids.copy()
    swapped[:, -1] = ids[::-1, -1]
    straight = run_ir(folder, ids, mask, [5, 1])
    crossed = run_ir(folder, swapped, mask, [5, 1], beams=[1, 0])
    np.testing.assert_allclose(crossed[:, -1], straight[::-1, -1], atol=1e-5)
