"""Reads single values out of a config.json, and refuses by name what the graph cannot compute."""

import math
from collections.abc import Mapping
from typing import Any

from ovglm.errors import CheckpointError
from ovglm_export.architecture import Yarn

__all__ = ["fraction", "number", "read_rope", "refuse_unsupported", "switch"]

# Fields of GLM and related configs that change the mathematics, with the values that mean "off".
# They are refused for every family; a family adds its own.
_OFF: tuple[Any, ...] = (None, False, 0, [], {})
_NEVER = (
    "vision_config", "quantization_config", "quantization_bit", "mlp_bias", "use_sliding_window",
    "use_qk_norm", "qk_layernorm", "num_experts", "n_routed_experts", "num_local_experts",
    "num_nextn_predict_layers", "final_logit_softcapping", "attn_logit_softcapping",
    "attention_sink", "mrope_section", "pre_seq_len", "prefix_projection", "interleaved_qkv",
    "clip_qkv", "alibi", "parallel_residual", "use_parallel_residual",
    "attention_chunk_size", "use_bidirectional_attention", "is_encoder_decoder",
    "add_cross_attention", "kv_lora_rank", "q_lora_rank", "index_topk", "query_pre_attn_scalar",
    "rope_local_base_freq", "scale_depth", "scale_emb",
)  # fmt: skip
_ONE = (
    "attention_multiplier", "logits_scaling", "embedding_multiplier", "residual_multiplier",
    "embedding_scale", "logit_scale",
)  # fmt: skip
_OTHERS: dict[str, tuple[Any, ...]] = {
    "hidden_act": ("silu", "swish", None),
    "sliding_window": _OFF,
    "is_causal": (True, None),
}
_DEFAULT_ROPE = ("default", None)
# Far above every real size, and small enough for any arithmetic on it.
_LARGEST = 2**31


def refuse_unsupported(config: Mapping[str, Any], allowed: Mapping[str, tuple[Any, ...]]) -> None:
    """Refuse the first field that changes the mathematics in a way the graph does not know.

    allowed: the values that a family supports for its own fields; an absent field passes.
    """
    checks = dict.fromkeys(_NEVER, _OFF) | dict.fromkeys(_ONE, (None, 1, 1.0))
    for field, values in (checks | _OTHERS | dict(allowed)).items():
        if field in config and config[field] not in values:
            raise _unsupported(field, config[field])
    kinds = config.get("layer_types") or []
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds):
        raise _unsupported("layer_types", kinds)


def number(config: Mapping[str, Any], field: str) -> int:
    """Read a positive whole number."""
    value = config.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LARGEST:
        raise _bad_field(config, field, f"a whole number from 1 to {_LARGEST - 1}")
    return value


def fraction(config: Mapping[str, Any], field: str) -> float:
    """Read a positive, finite number."""
    value = config.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_field(config, field, "a positive number")
    if not 0 < value < 1e30:
        raise _bad_field(config, field, "a positive number")
    return float(value)


def switch(config: Mapping[str, Any], field: str, default: bool) -> bool:
    """Read true or false; null and absence mean the default."""
    value = config.get(field)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _bad_field(config, field, "true or false")
    return value


def read_rope(config: Mapping[str, Any]) -> tuple[float, float, Yarn | None]:
    """Read (theta, rotary fraction, YaRN), flat or in the `rope_parameters` of transformers 5."""
    nested, scaling = _block(config, "rope_parameters"), _block(config, "rope_scaling")
    merged = {**config, **nested}
    theta = fraction(merged, "rope_theta")
    if theta <= 1:
        raise _bad_field(merged, "rope_theta", "a number above 1")
    part = fraction(merged, "partial_rotary_factor")
    if part > 1:
        raise _bad_field(merged, "partial_rotary_factor", "a number up to 1")
    return theta, part, _read_yarn(scaling or nested, config)


def _block(config: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Read a nested block; null and absence mean an empty one."""
    block = config.get(field) or {}
    if not isinstance(block, dict):
        raise _bad_field(config, field, "an object or null")
    refuse_unsupported(block, {})
    return block


def _read_yarn(scaling: Mapping[str, Any], config: Mapping[str, Any]) -> Yarn | None:
    """Read a YaRN block; None for plain rotary embedding; any other kind is refused by name."""
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind in _DEFAULT_ROPE:
        return None
    if kind != "yarn":
        raise CheckpointError(
            f"config.json sets rope_scaling to the type {kind!r}; only 'yarn' is supported",
            "remove rope_scaling to export with the native context length",
        )
    factor = fraction(scaling, "factor")
    known = {key: value for key, value in scaling.items() if value is not None}
    positions = {"original_max_position_embeddings": config.get("max_position_embeddings"), **known}
    return Yarn(
        factor=factor,
        original_positions=number(positions, "original_max_position_embeddings"),
        attention_factor=_attention_factor(known, factor),
        beta_fast=fraction({"beta_fast": Yarn.beta_fast, **known}, "beta_fast"),
        beta_slow=fraction({"beta_slow": Yarn.beta_slow, **known}, "beta_slow"),
        truncate=switch(scaling, "truncate", True),
    )


def _attention_factor(scaling: Mapping[str, Any], factor: float) -> float:
    """Return the factor on cos and sin. Source: transformers, `_compute_yarn_parameters`."""

    def mscale(weight: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    if "attention_factor" in scaling:
        return fraction(scaling, "attention_factor")
    if scaling.get("mscale") and scaling.get("mscale_all_dim"):
        return mscale(fraction(scaling, "mscale")) / mscale(fraction(scaling, "mscale_all_dim"))
    return mscale(1.0)


def _unsupported(field: str, value: object) -> CheckpointError:
    """Say which field of config.json the graph does not know."""
    return CheckpointError(
        f"config.json sets {field} to {_short(value)}, which cannot be exported",
        "ovglm list names the models that can be exported",
    )


def _bad_field(config: Mapping[str, Any], field: str, wanted: str) -> CheckpointError:
    """Say which field of config.json is absent or wrong."""
    found = f"has {field} = {_short(config[field])}" if field in config else f"has no {field}"
    return CheckpointError(
        f"config.json {found}; {wanted} is needed", "copy the checkpoint's own config.json again"
    )


def _short(value: object) -> str:
    """Show a value in at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
