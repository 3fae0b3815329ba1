"""Tower, embedding and language model compute what torch computes in float32, in both families."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from ovglm.progress import Silence
from ovglm.recipe import Recipe
from ovglm_export.checkpoint import open_checkpoint
from ovglm_export.layerwise import RunningPart
from ovglm_export.pipeline import ExportOptions, export_checkpoint
from ovglm_export.spool import Spool
from ovglm_export.vision.spooling import join_tower, spool_tower
from tiny_glm import ABSENT
from tiny_vision import FAMILIES, Layout, write_vision_checkpoint
from vision_reference import edge_adapter, load_tensors, reference_vectors
from vision_runner import embed_text, make_prompt, run_language, run_tower, splice
from vision_torch import TorchVision, read_config

TOLERANCE = 1e-4  # of the range
CONFIGS: dict[str, dict[str, Any]] = {
    "usual": {},
    "one_merged_patch": {"image_size": 28},
    "large": {"image_size": 196},
    "odd_grid": {"image_size": 70},
    "pixels_left_over": {"image_size": 61},
    "small_patches": {"image_size": 48, "patch_size": 8},
    "odd_patches": {"image_size": 54, "patch_size": 9},
    "one_layer": {"num_hidden_layers": 1},
    "five_layers": {"num_hidden_layers": 5},
    "wide_eps": {"layer_norm_eps": 1e-3},
    "odd_widths": {"hidden_size": 72, "intermediate_size": 101},
    "wider_than_the_text": {"hidden_size": 160},
    "exact_gelu": {"hidden_act": "gelu"},
    "tanh_gelu": {"hidden_act": "gelu_new"},
}
OWN: dict[Layout, dict[str, dict[str, Any]]] = {
    "glm_edge_v": {
        "one_head": {"num_attention_heads": 1},
        "eight_heads": {"num_attention_heads": 8},
        "one_channel": {"num_channels": 1},
        "siglip_defaults": {
            "num_channels": ABSENT, "layer_norm_eps": ABSENT, "hidden_act": ABSENT,
        },
    },
    "glm_4v": {
        "one_head": {"num_heads": 1},
        "eight_heads": {"num_heads": 8},
        "four_channels": {"in_channels": 4},
        "scale_one": {"scaling_factor": 1},
        "scale_eight": {"scaling_factor": 8.0},
    },
}  # fmt: skip
CASES = [
    pytest.param(layout, changes, id=f"{layout}-{name}")
    for layout in FAMILIES
    for name, changes in (CONFIGS | OWN[layout]).items()
]


def make_pixels(config: dict[str, Any], count: int = 2) -> np.ndarray:
    vision = config["vision_config"]
    side, channels = vision["image_size"], vision.get("num_channels", vision.get("in_channels", 3))
    return np.random.default_rng(5).standard_normal((count, channels, side, side), np.float32)


def check_tower(source: Path, scratch: Path) -> None:
    """Spool and join the tower as an export does, and hold it against the reference."""
    checkpoint, spool = open_checkpoint(source), Spool(scratch, "key")
    arch, config = checkpoint.vision, read_config(source)
    assert arch is not None
    spool_tower(checkpoint, arch, "bf16", spool, Silence())
    pixels = make_pixels(config)
    ours = RunningPart(join_tower(arch, spool)).run({"pixel_values": pixels})["last_hidden_state"]
    theirs = reference_vectors(config, load_tensors(source), pixels)
    assert ours.shape == theirs.shape == (2, arch.vectors, config["hidden_size"])
    assert theirs.std() > 0.05
    assert np.abs(ours - theirs).max() / np.ptp(theirs) <= TOLERANCE


@pytest.mark.parametrize(("layout", "changes"), CASES)
def test_vectors_equal_the_reference(
    tmp_path: Path, layout: Layout, changes: dict[str, Any]
) -> None:
    source = write_vision_checkpoint(tmp_path / "source", layout, vision=changes)
    check_tower(source, tmp_path / "spool")


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_vectors_equal_the_reference_from_other_types(
    tmp_path: Path, layout: Layout, dtype: str
) -> None:
    source = write_vision_checkpoint(tmp_path / "source", layout, dtype, gate_size=56)
    check_tower(source, tmp_path / "spool")


def test_the_reference_is_siglip_as_transformers_has_it(tmp_path: Path) -> None:
    """Up to the adapter, which transformers does not know."""
    source = write_vision_checkpoint(tmp_path / "source", "glm_edge_v", "f32")
    config, known = read_config(source), load_tensors(source)
    vit = "model.vision.vit.model.vision_model."
    told = transformers.SiglipVisionConfig(**config["vision_config"], vision_use_head=False)
    model = transformers.SiglipVisionModel(told).eval()
    weights = {name.removeprefix(vit): one for name, one in known.items() if vit in name}
    own = {name for name in model.state_dict() if "position_ids" not in name}
    prefix = "vision_model." if any(name.startswith("vision_model.") for name in own) else ""
    found = {f"{prefix}{name}": one for name, one in weights.items() if "head." not in name}
    assert own == set(found)
    model.load_state_dict(found, strict=False)
    pixels = make_pixels(config)
    with torch.no_grad():
        states = model(torch.from_numpy(pixels)).last_hidden_state
    adapter = {name: one for name, one in known.items() if not name.startswith(vit)}
    theirs = edge_adapter(states, adapter).numpy()
    ours = reference_vectors(config, known, pixels)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


class Exported:
    """A checkpoint, its export in float, and torch's model of it."""

    def __init__(self, folder: Path, layout: Layout, **wishes: Any) -> None:
        self.layout: Layout = layout
        self.source = write_vision_checkpoint(folder / "source", layout, **wishes)
        self.folder = folder / "export"
        options = ExportOptions(verify="none", vision_weights="bf16")
        self.manifest = export_checkpoint(self.source, self.folder, Recipe("bf16"), options)
        self.torch = TorchVision(self.source, layout, folder / "plain", **wishes)


@pytest.mark.parametrize("layout", FAMILIES)
@pytest.mark.parametrize(
    "wishes",
    [{}, {"tie_word_embeddings": True}, {"vision": {"image_size": 112}}],
    ids=["plain", "tied", "large"],
)
def test_logits_behind_a_picture_equal_torch(
    tmp_path: Path, layout: Layout, wishes: dict[str, Any]
) -> None:
    """Picture, splice and language model together: the prompt, then cached steps."""
    made = Exported(tmp_path, layout, **wishes)
    assert made.manifest.vision is not None
    ids = make_prompt(layout, made.manifest.vision.vectors)
    pixels = make_pixels(read_config(made.source), 1)
    theirs = made.torch.logits(ids, pixels)
    vectors = run_tower(made.folder, pixels)[0]
    embeds, positions = splice(layout, ids, embed_text(made.folder, ids), vectors)
    for chunks in ([len(embeds)], [len(embeds) - 4, 1, 1, 1, 1]):
        ours = run_language(made.folder, embeds, positions, chunks)
        assert np.abs(ours - theirs).max() / np.ptp(theirs) <= TOLERANCE


@pytest.mark.parametrize("layout", FAMILIES)
def test_the_picture_changes_the_answer(tmp_path: Path, layout: Layout) -> None:
    """What the parity tests compare really depends on the picture."""
    made = Exported(tmp_path, layout)
    assert made.manifest.vision is not None
    ids = make_prompt(layout, made.manifest.vision.vectors)
    pixels = make_pixels(read_config(made.source), 2)
    one, other = (made.torch.logits(ids, pixels[at : at + 1])[-1] for at in range(2))
    assert np.abs(one - other).max() > 0.05 * np.ptp(one)
