"""Writes config.json in transformers' own form: no `auto_map`, so no reader wants remote code."""

import json
from pathlib import Path
from typing import Any

from ovglm_export.checkpoint import Checkpoint

__all__ = ["write_config"]

_TORCH_TYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
_FORMS = {"glm": "GlmForCausalLM", "glm4": "Glm4ForCausalLM"}


def write_config(checkpoint: Checkpoint, folder: Path, stop_ids: tuple[int, ...]) -> None:
    """Write config.json; the original layout becomes `glm`, which is the same model."""
    arch = checkpoint.architecture
    kind = "glm" if arch.family == "chatglm" else arch.family
    config: dict[str, Any] = {
        "architectures": [_FORMS[kind]],
        "model_type": kind,
        "hidden_size": arch.hidden_size,
        "intermediate_size": arch.intermediate_size,
        "num_hidden_layers": arch.layers,
        "num_attention_heads": arch.heads,
        "num_key_value_heads": arch.kv_heads,
        "head_dim": arch.head_dim,
        "partial_rotary_factor": arch.rotary_dim / arch.head_dim,
        "rope_theta": arch.rope_theta,
        "vocab_size": arch.vocab_size,
        "max_position_embeddings": arch.max_positions,
        "rms_norm_eps": arch.rms_eps,
        "attention_bias": arch.qkv_bias,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "tie_word_embeddings": arch.tied,
        "torch_dtype": _TORCH_TYPES[checkpoint.dtype],
        "use_cache": True,
        "eos_token_id": list(stop_ids),
        "pad_token_id": _pad_id(checkpoint.config, stop_ids),
    }
    if checkpoint.vision is not None:
        seen = checkpoint.vision
        config |= {"boi_token_id": seen.begin_id, "eoi_token_id": seen.end_id}
        config["vision_config"] = checkpoint.config["vision_config"]
    if arch.yarn is not None:
        config["rope_scaling"] = _yarn_block(checkpoint)
    text = json.dumps(config, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _pad_id(config: dict[str, Any], stop_ids: tuple[int, ...]) -> int:
    """Return the checkpoint's padding id; GLM pads with its first stop id, `<|endoftext|>`."""
    value = config.get("pad_token_id")
    return value if isinstance(value, int) else stop_ids[0]


def _yarn_block(checkpoint: Checkpoint) -> dict[str, Any]:
    """Write YaRN as transformers reads it."""
    yarn = checkpoint.architecture.yarn
    assert yarn is not None
    return {
        "rope_type": "yarn",
        "factor": yarn.factor,
        "original_max_position_embeddings": yarn.original_positions,
        "attention_factor": yarn.attention_factor,
        "beta_fast": yarn.beta_fast,
        "beta_slow": yarn.beta_slow,
        "truncate": yarn.truncate,
    }
