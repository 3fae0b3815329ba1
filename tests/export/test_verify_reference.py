"""The reference that runs layer by layer computes what transformers computes in float32."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from ovglm.nano import checkpoint_folder
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.hidden import HiddenStates, Positions, look_up
from ovglm_export.verify import reference
from ovglm_export.verify.reference import ReferenceHead, ReferenceLayer
from ovglm_export.verify.samples import make_samples
from ovglm_export.verify.states import make_batches, run_batches

TOLERANCE = 1e-4  # of the logits' range
CLASSES = {"glm": transformers.GlmForCausalLM, "glm4": transformers.Glm4ForCausalLM}


def layerwise_logits(folder: Path, samples: list[list[int]], scratch: Path) -> list[np.ndarray]:
    """Run the reference as a verification does: all samples through one layer after the other."""
    checkpoint = open_checkpoint(folder)
    arch = checkpoint.architecture
    lengths = tuple(map(len, samples))
    states = HiddenStates(scratch / "states", lengths, arch.hidden_size, "F32").create()
    look_up(checkpoint, samples, states)
    positions = Positions.of(arch, max(lengths))
    for at in range(arch.layers):
        layer = ReferenceLayer(checkpoint, at, positions, scratch)
        run_batches(layer.run, make_batches(lengths), states, states)
    head = ReferenceHead(checkpoint)
    return [head.run(states.read(sample)) for sample in range(len(samples))]


def check_parity(folder: Path, samples: list[list[int]], scratch: Path, layout: str) -> None:
    """Compare every sample with transformers' own logits."""
    kind: Any = CLASSES[layout]
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    ours = layerwise_logits(folder, samples, scratch)
    for ids, found in zip(samples, ours, strict=True):
        with torch.no_grad():
            wanted = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
        assert np.abs(found - wanted).max() <= TOLERANCE * np.ptp(wanted)


def test_nano_gives_the_logits_of_transformers_on_all_fixed_texts(tmp_path: Path) -> None:
    samples = make_samples(checkpoint_folder(), "quick", 2048)
    check_parity(checkpoint_folder(), [list(one.ids) for one in samples], tmp_path, "glm")


@pytest.mark.parametrize("layout", ["glm", "glm4"])
@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"tie_word_embeddings": True},
        {"attention_bias": False, "partial_rotary_factor": 1.0, "dtype": "f16"},
        {"dtype": "f32", "num_hidden_layers": 3, "vocab_size": 333},
    ],
    ids=["plain", "tied", "edge", "float32"],
)
def test_every_layout_gives_the_logits_of_transformers(
    tiny_models: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layout: str,
    wishes: dict[str, Any],
) -> None:
    # So small that the head comes in several bands, the last one shorter.
    monkeypatch.setattr(reference, "_BAND_WEIGHTS", 128 * 100)
    rng = np.random.default_rng(3)
    samples = [rng.integers(0, 300, length).tolist() for length in (17, 3, 40, 1)]
    check_parity(tiny_models.checkpoint(layout, **wishes), samples, tmp_path, layout)


def test_the_original_layout_gives_the_same_as_the_converted_one(
    tiny_models: Any, tmp_path: Path
) -> None:
    samples = [[5, 200, 31, 7, 90]]
    ours = layerwise_logits(tiny_models.checkpoint("chatglm"), samples, tmp_path)
    theirs = layerwise_logits(tiny_models.checkpoint("glm"), samples, tmp_path)
    np.testing.assert_array_equal(ours[0], theirs[0])
