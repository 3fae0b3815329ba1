"""Writes tiny GLM checkpoints that take pictures, with random weights, in both families' layouts.

`glm_edge_v` is GLM-Edge-V's layout, `glm_4v` GLM-4V-9B's. Everything is seeded: equal arguments
give equal bytes.
"""

import json
from pathlib import Path
from typing import Any, Literal

import ml_dtypes
import numpy as np

from tiny_glm import ABSENT, SPECIAL, make_config, write_checkpoint, write_json, write_safetensors

__all__ = [
    "BEGIN_ID",
    "CLIP_MEAN",
    "CLIP_STD",
    "END_ID",
    "FAMILIES",
    "Layout",
    "make_vision_tensors",
    "text_fields",
    "vectors_of",
    "write_vision_checkpoint",
]

Layout = Literal["glm_edge_v", "glm_4v"]
FAMILIES: tuple[Layout, ...] = ("glm_edge_v", "glm_4v")
# The byte alphabet and eight merges come first in tiny_glm's vocabulary.
_FIRST_SPECIAL = 264
BEGIN_ID = _FIRST_SPECIAL + SPECIAL.index("<|begin_of_image|>")
END_ID = _FIRST_SPECIAL + SPECIAL.index("<|end_of_image|>")
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_DTYPES: dict[str, Any] = {"bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32}
_TEXT_LAYOUT = {"glm_edge_v": "glm", "glm_4v": "chatglm"}
_EDGE_NAMES = {
    "patch": "model.vision.vit.model.vision_model.embeddings.patch_embedding",
    "positions": "model.vision.vit.model.vision_model.embeddings.position_embedding",
    "layers": "model.vision.vit.model.vision_model.encoder.layers",
    "norm1": "layer_norm1", "norm2": "layer_norm2", "out": "self_attn.out_proj",
    "adapter": "model.vision.adapter", "linear": "linear.linear", "conv": "conv",
    "norm": "linear.norm1", "up": "linear.dense_h_to_4h", "gate": "linear.gate",
    "down": "linear.dense_4h_to_h",
}  # fmt: skip
_4V_NAMES = {
    "patch": "transformer.vision.patch_embedding.proj",
    "positions": "transformer.vision.patch_embedding.position_embedding",
    "layers": "transformer.vision.transformer.layers",
    "norm1": "input_layernorm", "norm2": "post_attention_layernorm", "out": "attention.dense",
    "adapter": "transformer.vision", "linear": "linear_proj.linear_proj", "conv": "conv",
    "norm": "linear_proj.norm1", "up": "linear_proj.dense_h_to_4h", "gate": "linear_proj.gate_proj",
    "down": "linear_proj.dense_4h_to_h",
}  # fmt: skip


def write_vision_checkpoint(
    folder: Path,
    layout: Layout = "glm_edge_v",
    dtype: str = "bf16",
    seed: int = 0,
    vision: dict[str, Any] | None = None,
    gate_size: int = 160,
    **text: Any,
) -> Path:
    """Write a checkpoint folder: config, weights in two shards, tokenizer, preprocessor config.

    vision: fields of `vision_config` in place of the usual ones; ABSENT leaves a field out.
    gate_size: width of the adapter's gated MLP. text: as in tiny_glm.write_checkpoint.
    """
    text_layout = _TEXT_LAYOUT[layout]
    text = text_fields(layout) | text
    write_checkpoint(folder, text_layout, dtype, 1, seed, **text)
    numbers = _vision_config(layout) | (vision or {})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"boi_token_id": BEGIN_ID, "eoi_token_id": END_ID}
    config["vision_config"] = {k: v for k, v in numbers.items() if v is not ABSENT}
    config |= {k: v for k, v in text.items() if k in ("boi_token_id", "eoi_token_id")}
    write_json(folder / "config.json", config)
    hidden = make_config("glm", dtype, **text)["hidden_size"]
    tensors = make_vision_tensors(layout, numbers, hidden, gate_size, dtype, seed)
    _write_shards(folder, tensors)
    _write_template(folder, layout, vectors_of(numbers))
    if layout == "glm_edge_v":
        write_json(folder / "preprocessor_config.json", _preprocessor(numbers))
    return folder


def vectors_of(vision: dict[str, Any]) -> int:
    """Count the vectors of one picture."""
    return (vision["image_size"] // vision["patch_size"] // 2) ** 2 + 2


def make_vision_tensors(
    layout: Layout,
    vision: dict[str, Any],
    hidden: int,
    gate_size: int,
    dtype: str = "bf16",
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Make the tower's weights under the checkpoint's names.

    vision: a whole `vision_config`. hidden: the text model's width.
    """
    rng, tensors = np.random.default_rng(1000 + seed), {}
    for name, shape in _shapes(layout, vision, hidden, gate_size).items():
        values = rng.standard_normal(shape, np.float32)
        is_vector = name.endswith((".boi", ".eoi", "cls_embedding", "position_embedding.weight"))
        if "norm" in name.rpartition(".")[0].rpartition(".")[2]:
            values = 1 + 0.2 * values if name.endswith("weight") else 0.1 * values
        elif name.endswith(".bias"):
            values *= 0.1
        elif not is_vector:
            values *= 1.2 / np.sqrt(np.prod(shape[1:]))
        tensors[name] = values.astype(_DTYPES[dtype])
    return tensors


def text_fields(layout: Layout) -> dict[str, Any]:
    """Return what GLM-Edge and GLM-4 have of their own."""
    if layout == "glm_edge_v":
        return {"partial_rotary_factor": 1.0, "attention_bias": False}
    return {}


def _vision_config(layout: Layout) -> dict[str, Any]:
    common = {"hidden_size": 96, "intermediate_size": 136, "num_hidden_layers": 2}
    common |= {"image_size": 56, "patch_size": 14, "layer_norm_eps": 1e-6}
    if layout == "glm_edge_v":
        heads = {"num_attention_heads": 4, "num_channels": 3, "hidden_act": "gelu_pytorch_tanh"}
        return {**common, **heads, "model_type": "siglip_vision_model"}
    heads = {"num_heads": 4, "in_channels": 3, "hidden_act": "gelu", "scaling_factor": 2.0}
    return {**common, **heads, "dropout_prob": 0.0, "num_positions": 17}


def _shapes(
    layout: Layout, vision: dict[str, Any], hidden: int, gate_size: int
) -> dict[str, tuple[int, ...]]:
    """List the tensors with their shapes."""
    is_edge = layout == "glm_edge_v"
    names = _EDGE_NAMES if is_edge else _4V_NAMES
    width, inner, patch = (
        vision[name] for name in ("hidden_size", "intermediate_size", "patch_size")
    )
    channels = vision.get("num_channels", vision.get("in_channels", 3))
    channels = 3 if channels is ABSENT else channels
    places = (vision["image_size"] // patch) ** 2 + (0 if is_edge else 1)
    shapes = _pair(names["patch"], (width, channels, patch, patch))
    shapes[f"{names['positions']}.weight"] = (places, width)
    for at in range(vision["num_hidden_layers"]):
        shapes |= _layer_shapes(layout, f"{names['layers']}.{at}", width, inner)
    adapter = names["adapter"]
    shapes |= _pair(f"{adapter}.{names['conv']}", (hidden, width, 2, 2))
    shapes |= _pair(f"{adapter}.{names['norm']}", (hidden,))
    for part, shape in (
        ("linear", (hidden, hidden)),
        ("up", (gate_size, hidden)),
        ("gate", (gate_size, hidden)),
        ("down", (hidden, gate_size)),
    ):
        shapes[f"{adapter}.{names[part]}.weight"] = shape
    shapes |= dict.fromkeys((f"{adapter}.boi", f"{adapter}.eoi"), (1, 1, hidden))
    return shapes | (_siglip_extras(width, inner) if is_edge else _eva_extras(width))


def _layer_shapes(layout: Layout, layer: str, width: int, inner: int) -> dict[str, tuple[int, ...]]:
    names = _EDGE_NAMES if layout == "glm_edge_v" else _4V_NAMES
    shapes = _pair(f"{layer}.{names['norm1']}", (width,)) | _pair(
        f"{layer}.{names['norm2']}", (width,)
    )
    if layout == "glm_edge_v":
        for part in "qkv":
            shapes |= _pair(f"{layer}.self_attn.{part}_proj", (width, width))
    else:
        shapes |= _pair(f"{layer}.attention.query_key_value", (3 * width, width))
    shapes |= _pair(f"{layer}.{names['out']}", (width, width))
    shapes |= _pair(f"{layer}.mlp.fc1", (inner, width))
    return shapes | _pair(f"{layer}.mlp.fc2", (width, inner))


def _siglip_extras(width: int, inner: int) -> dict[str, tuple[int, ...]]:
    """List the final norm, and the pooling head that nothing asks."""
    vit = "model.vision.vit.model.vision_model"
    head = f"{vit}.head"
    shapes: dict[str, tuple[int, ...]] = {f"{head}.probe": (1, 1, width)}
    shapes |= _pair(f"{vit}.post_layernorm", (width,))
    shapes |= {f"{head}.attention.in_proj_weight": (3 * width, width)}
    shapes |= _pair(f"{head}.attention.out_proj", (width, width))
    return shapes | _pair(f"{head}.mlp.fc1", (inner, width))


def _eva_extras(width: int) -> dict[str, tuple[int, ...]]:
    return {"transformer.vision.patch_embedding.cls_embedding": (1, width)}


def _pair(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """List a weight and its bias."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _write_shards(folder: Path, vision: dict[str, np.ndarray]) -> None:
    """Put the tower behind the text model as a second shard, and write the index of both."""
    first, second = (f"model-0000{at}-of-00002.safetensors" for at in (1, 2))
    (folder / "model.safetensors").rename(folder / first)
    write_safetensors(folder / second, vision)
    raw = (folder / first).read_bytes()
    table = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    table.pop("__metadata__", None)
    weight_map = dict.fromkeys(table, first) | dict.fromkeys(vision, second)
    index = {"metadata": {}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def _write_template(folder: Path, layout: Layout, vectors: int) -> None:
    """Write GLM-Edge-V's kind of template: it finds texts and pictures only in lists of parts."""
    if layout != "glm_edge_v":
        return
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["chat_template"] = (
        "{% for item in messages %}{% if item['role'] != 'system' %}<|{{ item['role'] }}|>\n"
        "{% for part in item['content'] %}{% if part['type'] == 'image' %}"
        f"{{% for _ in range({vectors}) %}}<|begin_of_image|>{{% endfor %}}"
        "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}\n"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    )
    write_json(path, config)


def _preprocessor(vision: dict[str, Any]) -> dict[str, Any]:
    """Make the fields of transformers' MllamaImageProcessor, as GLM-Edge-V has them."""
    side = vision["image_size"]
    return {
        "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True,
        "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "image_processor_type": "MllamaImageProcessor", "max_image_tiles": 1, "resample": 3,
        "rescale_factor": 1 / 255, "size": {"height": side, "width": side},
    }  # fmt: skip
