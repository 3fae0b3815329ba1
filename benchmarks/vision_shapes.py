"""Write a random checkpoint in the true shape of GLM-Edge-V-2B; its text part is GLM-Edge-1.5B's.

The tower's widths are those of SigLIP so400m, which fit the published parameter count.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.shapes import SHAPES, add_shard, write_checkpoint
from ovglm.models.shapes import EDGE_V_2B
from ovglm.vision_sizes import TowerShape, tensor_names, tensor_shape

__all__ = ["BEGIN_ID", "VIT", "begin_id", "checkpoint_name", "write_vision_checkpoint"]

_TEXT = "glm-edge-1.5b"
_HEADS = 16
_SHARD_BYTES = 2 * 10**9
VIT = "model.vision.vit.model.vision_model"
_ADAPTER = "model.vision.adapter"
_TEMPLATE = (
    "{% for item in messages %}{% if item['role'] != 'system' %}<|{{ item['role'] }}|>\n"
    "{% for part in item['content'] %}{% if part['type'] == 'image' %}"
    "{% for _ in range(VECTORS) %}<|begin_of_image|>{% endfor %}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# From the names of ovglm.vision_sizes to the checkpoint's.
_NAMES = {
    "vision.patch.": f"{VIT}.embeddings.patch_embedding.",
    "vision.positions.": f"{VIT}.embeddings.position_embedding.",
    "vision.layers.": f"{VIT}.encoder.layers.",
    "vision.final_norm.": f"{VIT}.post_layernorm.",
    "vision.adapter.norm.": f"{_ADAPTER}.linear.norm1.",
    "vision.adapter.conv.": f"{_ADAPTER}.conv.",
    "vision.adapter.linear.": f"{_ADAPTER}.linear.linear.",
    "vision.adapter.up.": f"{_ADAPTER}.linear.dense_h_to_4h.",
    "vision.adapter.gate.": f"{_ADAPTER}.linear.gate.",
    "vision.adapter.down.": f"{_ADAPTER}.linear.dense_4h_to_h.",
    "vision.adapter.begin": f"{_ADAPTER}.boi",
    "vision.adapter.end": f"{_ADAPTER}.eoi",
}
_PIECES = {
    ".attention.q.": ".self_attn.q_proj.",
    ".attention.k.": ".self_attn.k_proj.",
    ".attention.v.": ".self_attn.v_proj.",
    ".attention.out.": ".self_attn.out_proj.",
    ".norm1.": ".layer_norm1.",
    ".norm2.": ".layer_norm2.",
}


def begin_id(text: str) -> int:
    """Return the id of <|begin_of_image|> in a shape of text."""
    return SHAPES[text].text_tokens + 10


BEGIN_ID = begin_id(_TEXT)


def checkpoint_name(name: str) -> str:
    """Return the checkpoint's name of a tower's tensor."""
    (start,) = (one for one in _NAMES if name.startswith(one))
    found = _NAMES[start] + name.removeprefix(start)
    if start == "vision.layers.":
        for piece, other in _PIECES.items():
            found = found.replace(piece, other)
    return found


def write_vision_checkpoint(
    folder: Path,
    tower: TowerShape = EDGE_V_2B,
    text: str = _TEXT,
    shard_bytes: int = _SHARD_BYTES,
) -> None:
    """Write config, tokenizer, processor and weights into a new folder.

    text: the shape behind the tower, as wide as its output. shard_bytes: small enough for two.
    """
    write_checkpoint(SHAPES[text], folder, shard_bytes=shard_bytes)
    shapes = {checkpoint_name(one): tensor_shape(tower, one) for one in tensor_names(tower)}
    for end in ("boi", "eoi"):
        shapes[f"{_ADAPTER}.{end}"] = (1, 1, tower.output_size)
    add_shard(folder, "model-vision.safetensors", shapes)
    begin = begin_id(text)
    _change(folder / "config.json", boi_token_id=begin, eoi_token_id=begin + 1)
    _change(folder / "config.json", vision_config=_vision_config(tower))
    template = _TEMPLATE.replace("VECTORS", str(tower.vectors))
    _change(folder / "tokenizer_config.json", chat_template=template)
    _change(folder / "preprocessor_config.json", **_processor(tower.image_size))


def _vision_config(tower: TowerShape) -> dict[str, Any]:
    return {
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": tower.hidden_size,
        "image_size": tower.image_size,
        "intermediate_size": tower.intermediate_size,
        "layer_norm_eps": 1e-6,
        "model_type": "siglip_vision_model",
        "num_attention_heads": _HEADS,
        "num_channels": tower.channels,
        "num_hidden_layers": tower.layers,
        "patch_size": tower.patch_size,
    }


def _processor(side: int) -> dict[str, Any]:
    """Make the fields of transformers' MllamaImageProcessor, as GLM-Edge-V has them."""
    return {
        "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True,
        "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "image_processor_type": "MllamaImageProcessor", "max_image_tiles": 1, "resample": 2,
        "rescale_factor": 1 / 255, "size": {"height": side, "width": side},
    }  # fmt: skip


def _change(path: Path, **fields: Any) -> None:
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | fields, indent=1), encoding="utf-8")
