"""Writes the miniature as a checkpoint folder in GLM-Edge-V's layout, and reads it back."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from nano_training.checkpoint import write_folder, write_json
from nano_training.model import config
from nano_training.vocabulary import special_ids
from nano_v_training.model import MEAN, STD, NanoV, Shapes
from nano_v_training.tower import CHANNELS, MERGED, vision_config

__all__ = ["BEGIN", "END", "new_model", "read_weights", "write_checkpoint"]

BEGIN, END = "<|begin_of_image|>", "<|end_of_image|>"
_PREFIXES = {
    "text.": "model.",
    "tower.": "model.vision.vit.model.vision_model.",
    "adapter.": "model.vision.adapter.",
}
_PATCH, _CONV = "tower.embeddings.patch_embedding.weight", "adapter.conv.weight"
_BICUBIC = 3  # PIL's number


def new_model(shapes: Shapes, tokenizer: Tokenizer) -> NanoV:
    """Return an untrained model."""
    return NanoV(shapes, special_ids(tokenizer)[BEGIN])


def write_checkpoint(model: NanoV, tokenizer: Tokenizer, template: Path, folder: Path) -> None:
    """Write the checkpoint folder with its preprocessor config."""
    shapes, ids = model.shapes, special_ids(tokenizer)
    described = config(shapes.text, ids) | {
        "boi_token_id": ids[BEGIN],
        "eoi_token_id": ids[END],
        "vision_config": vision_config(shapes.vision),
    }
    write_folder(_tensors(model), described, tokenizer, template, folder)
    write_json(folder / "preprocessor_config.json", _preprocessor(shapes.vision.side))


def read_weights(model: NanoV, folder: Path) -> None:
    """Take the weights of a folder; of nano's, which has no tower, the language model's alone."""
    stored = load_file(folder / "model.safetensors")
    places = {_stored_name(name): name for name in model.state_dict()}
    known = {places[name]: value.float() for name, value in stored.items()}
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    found = {name: value.reshape(shapes[name]) for name, value in known.items()}
    missing = model.load_state_dict(found, strict=False).missing_keys
    if lost := [name for name in missing if name.startswith("text.")]:
        raise SystemExit(f"{folder} lacks {', '.join(lost)}")


def _tensors(model: NanoV) -> dict[str, Tensor]:
    """Return the weights by the checkpoint's names, the convolutions in their own shapes."""
    vision = model.shapes.vision
    kernels = {
        _PATCH: (vision.hidden, CHANNELS, vision.patch, vision.patch),
        _CONV: (model.shapes.text.hidden, vision.hidden, MERGED, MERGED),
    }
    return {
        _stored_name(name): value.reshape(kernels.get(name, value.shape))
        for name, value in model.state_dict().items()
    }


def _stored_name(name: str) -> str:
    own = next(prefix for prefix in _PREFIXES if name.startswith(prefix))
    return _PREFIXES[own] + name.removeprefix(own)


def _preprocessor(side: int) -> dict[str, object]:
    """Make the fields of transformers' MllamaImageProcessor, as GLM-Edge-V has them."""
    steps = ("convert_rgb", "normalize", "pad", "rescale", "resize")
    return {
        **{f"do_{step}": True for step in steps},
        "image_mean": [MEAN] * CHANNELS,
        "image_processor_type": "MllamaImageProcessor",
        "image_std": [STD] * CHANNELS,
        "max_image_tiles": 1,
        "resample": _BICUBIC,
        "rescale_factor": 1 / 255,
        "size": {"height": side, "width": side},
    }
