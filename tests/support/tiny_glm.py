"""Writes tiny GLM checkpoints with random weights, in all three layouts, without torch.

Everything is seeded: equal arguments give equal bytes; `chatglm` holds the same weights as `glm`.
"""

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from small_bpe import save_with_prefix

__all__ = [
    "ABSENT",
    "SPECIAL",
    "TEMPLATE",
    "make_config",
    "make_tensors",
    "write_checkpoint",
    "write_json",
    "write_safetensors",
    "write_tokenizer",
]

# As a config override: leave the field out.
ABSENT = object()
SPECIAL = [
    "<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
    "<|assistant|>", "<|observation|>", "<|begin_of_image|>", "<|end_of_image|>",
    "<|begin_of_video|>", "<|end_of_video|>",
]  # fmt: skip
TEMPLATE = (
    "[gMASK]<sop>{% for item in messages %}<|{{ item['role'] }}|>\n{{ item['content'] }}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_MERGES = ("he", "in", "an", "er", "on", "th", "Ġa", "Ġt")
_STOPS = [264, 271, 273]  # <|endoftext|>, <|user|>, <|observation|>
_DTYPES: dict[str, tuple[Any, str]] = {
    "bf16": (ml_dtypes.bfloat16, "bfloat16"),
    "f16": (np.float16, "float16"),
    "f32": (np.float32, "float32"),
}
_FILE_TYPES = {"bfloat16": "BF16", "float16": "F16", "float32": "F32", "float64": "F64"}
_ORIGINAL_FIELDS = {
    "intermediate_size": "ffn_hidden_size",
    "num_hidden_layers": "num_layers",
    "num_key_value_heads": "multi_query_group_num",
    "head_dim": "kv_channels",
    "vocab_size": "padded_vocab_size",
    "max_position_embeddings": "seq_length",
    "rms_norm_eps": "layernorm_epsilon",
    "attention_bias": "add_qkv_bias",
}
_ORIGINAL_NAMES = {
    "model.embed_tokens": "transformer.embedding.word_embeddings",
    "model.norm": "transformer.encoder.final_layernorm",
    "lm_head": "transformer.output_layer",
    "self_attn.o_proj": "self_attention.dense",
    "mlp.gate_up_proj": "mlp.dense_h_to_4h",
    "mlp.down_proj": "mlp.dense_4h_to_h",
    "model.layers": "transformer.encoder.layers",
}


def write_checkpoint(
    folder: Path,
    layout: str = "glm",
    dtype: str = "bf16",
    shards: int = 1,
    seed: int = 0,
    **config_overrides: Any,
) -> Path:
    """Write a checkpoint folder: config, weights (with an index where sharded) and tokenizer.

    layout: glm, chatglm or glm4. dtype: bf16, f16 or f32.
    config_overrides: fields of config.json in transformers' names, for `chatglm` too; ABSENT
    leaves a field out. The tensors follow the overridden sizes, where these are sizes at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Tests of bad configs want whole tensors beside a broken number.
    usable = {name: value for name, value in config_overrides.items() if _is_size(value)}
    common = _common_config(usable)
    write_json(folder / "config.json", make_config(layout, dtype, **config_overrides))
    tensors = make_tensors(common, layout, dtype, seed)
    names = sorted(tensors)
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
    else:
        table = {}
        for at in range(shards):
            file = f"model-{at + 1:05d}-of-{shards:05d}.safetensors"
            part = {name: tensors[name] for name in names[at::shards]}
            write_safetensors(folder / file, part)
            table |= dict.fromkeys(part, file)
        write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": table})
    write_tokenizer(folder)
    return folder


def make_config(layout: str = "glm", dtype: str = "bf16", **overrides: Any) -> dict[str, Any]:
    """Make a config.json; overrides as in write_checkpoint."""
    config = {"torch_dtype": _DTYPES[dtype][1], **_common_config(overrides)}
    if layout == "chatglm":
        config = _original_config(config)
    else:
        form = {"glm": "GlmForCausalLM", "glm4": "Glm4ForCausalLM"}[layout]
        config |= {"model_type": layout, "architectures": [form]}
    named = ("model_type", "architectures")
    config |= {name: overrides[name] for name in named if name in overrides}
    return {name: value for name, value in config.items() if value is not ABSENT}


def make_tensors(
    common: dict[str, Any], layout: str = "glm", dtype: str = "bf16", seed: int = 0
) -> dict[str, np.ndarray]:
    """Make the weights of a config in transformers' names; small enough values to stay finite."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in _shapes(common, layout == "glm4").items():
        values = rng.standard_normal(shape, np.float32)
        if name.endswith("norm.weight"):
            values = 1 + 0.2 * values
        elif name != "model.embed_tokens.weight" and len(shape) == 2:
            values *= 1.2 / np.sqrt(shape[1])
        tensors[name] = values.astype(_DTYPES[dtype][0])
    if common["tie_word_embeddings"] is True:
        del tensors["lm_head.weight"]
    return _original_tensors(tensors) if layout == "chatglm" else tensors


def write_safetensors(file: Path, tensors: dict[str, np.ndarray]) -> None:
    """Write arrays (bf16 as ml_dtypes.bfloat16) as a safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, value in tensors.items():
        start, end = end, end + value.nbytes
        kind = _FILE_TYPES[str(value.dtype)]
        header[name] = {"dtype": kind, "shape": value.shape, "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    data = b"".join(value.tobytes() for value in tensors.values())
    file.write_bytes(len(raw).to_bytes(8, "little") + raw + data)


def write_tokenizer(folder: Path) -> None:
    """Write a byte-level tokenizer of 278 tokens with GLM's control tokens, and a chat template."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: at for at, token in enumerate([*letters, *_MERGES])}
    built = tokenizers.Tokenizer(models.BPE(vocabulary, [(pair[0], pair[1]) for pair in _MERGES]))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    built.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    built.add_special_tokens(SPECIAL)
    save_with_prefix(built, folder)
    config = {"eos_token": SPECIAL[0], "pad_token": SPECIAL[0], "padding_side": "left"}
    config |= {"model_max_length": 1000, "tokenizer_class": "PreTrainedTokenizerFast"}
    write_json(folder / "tokenizer_config.json", {**config, "chat_template": TEMPLATE})
    write_json(folder / "generation_config.json", {"eos_token_id": _STOPS})


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON."""
    path.write_text(json.dumps(value), encoding="utf-8")


def _is_size(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, int) and value > 0)


def _common_config(overrides: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "partial_rotary_factor": 0.5,
        "rope_theta": 10000.0,
        "vocab_size": 320,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "attention_bias": True,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "eos_token_id": _STOPS,
        "pad_token_id": _STOPS[0],
    }
    return {**config, **overrides}


def _original_config(common: dict[str, Any]) -> dict[str, Any]:
    """Say the same in the original layout's fields."""
    config = {_ORIGINAL_FIELDS.get(name, name): value for name, value in common.items()}
    theta = config.pop("rope_theta")
    del config["partial_rotary_factor"], config["hidden_act"]
    return {
        "rope_ratio": theta / 10000 if isinstance(theta, int | float) else theta,
        "model_type": "chatglm",
        "architectures": ["ChatGLMModel"],
        "auto_map": {"AutoModelForCausalLM": "modeling_chatglm.ChatGLMForConditionalGeneration"},
        "add_bias_linear": False,
        "apply_query_key_layer_scaling": True,
        "apply_residual_connection_post_layernorm": False,
        "attention_softmax_in_fp32": True,
        "multi_query_attention": True,
        "original_rope": True,
        "post_layer_norm": True,
        "rmsnorm": True,
        "vocab_size": common["vocab_size"],
        **config,
    }


def _shapes(common: dict[str, Any], extra_norms: bool) -> dict[str, tuple[int, ...]]:
    """List the tensors of transformers' layout with their shapes."""
    hidden, width = common["hidden_size"], common["intermediate_size"]
    query = common["num_attention_heads"] * common["head_dim"]
    group = common["num_key_value_heads"] * common["head_dim"]
    vocab = (common["vocab_size"], hidden)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": vocab}
    for at in range(common["num_hidden_layers"]):
        layer = f"model.layers.{at}"
        for part, rows in (("q", query), ("k", group), ("v", group)):
            shapes[f"{layer}.self_attn.{part}_proj.weight"] = (rows, hidden)
            if common["attention_bias"] is True:
                shapes[f"{layer}.self_attn.{part}_proj.bias"] = (rows,)
        shapes[f"{layer}.self_attn.o_proj.weight"] = (hidden, query)
        shapes[f"{layer}.mlp.gate_up_proj.weight"] = (2 * width, hidden)
        shapes[f"{layer}.mlp.down_proj.weight"] = (hidden, width)
        norms = ["input_layernorm", "post_attention_layernorm"]
        norms += ["post_self_attn_layernorm", "post_mlp_layernorm"] if extra_norms else []
        shapes |= {f"{layer}.{norm}.weight": (hidden,) for norm in norms}
    return shapes | {"model.norm.weight": (hidden,), "lm_head.weight": vocab}


def _original_tensors(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rename, and stack q, k and v."""
    renamed: dict[str, np.ndarray] = {}
    for name, value in tensors.items():
        if ".self_attn.q_proj." in name:
            parts = [tensors[name.replace("q_proj", f"{one}_proj")] for one in "qkv"]
            name, value = name.replace("self_attn.q_proj", "self_attention.query_key_value"), parts
            value = np.concatenate(value)
        elif ".self_attn.k_proj." in name or ".self_attn.v_proj." in name:
            continue
        for own, old in _ORIGINAL_NAMES.items():
            name = name.replace(own, old)
        renamed[name] = value
    inverse = np.ones(4, next(iter(renamed.values())).dtype)
    return {**renamed, "transformer.rotary_pos_emb.inv_freq": inverse}
