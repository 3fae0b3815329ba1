"""`chatglm`: the original layout of GLM-4-9B, -Chat and -Chat-1M, a `glm` under other names."""

from ovglm.errors import CheckpointError
from ovglm_export.architecture import Architecture
from ovglm_export.config_reader import fraction, number, refuse_unsupported, switch
from ovglm_export.families.base import Config, Family, Place

__all__ = ["FAMILY"]

# The only values that GLM-4 was released with; another value is another model.
_SUPPORTED = {
    "rmsnorm": (True, None),
    "post_layer_norm": (True, None),
    "apply_residual_connection_post_layernorm": (False, None),
    "add_bias_linear": (False, None),
    "original_rope": (True, None),
    "rope_scaling": (None, {}),
    "rope_parameters": (None, {}),
}
# The original code rotates the first half of each head and counts theta from 10000
# (zai-org/GLM-4, modeling_chatglm.py: RotaryEmbedding(rotary_dim // 2), base = 10000 * rope_ratio).
_ROTARY_PART = 0.5
_BASE_THETA = 10_000.0
_NAMES = {
    "input_layernorm.weight": "input_layernorm.weight",
    "post_attention_layernorm.weight": "post_attention_layernorm.weight",
    "self_attn.o_proj.weight": "self_attention.dense.weight",
    "mlp.gate_up_proj.weight": "mlp.dense_h_to_4h.weight",
    "mlp.down_proj.weight": "mlp.dense_4h_to_h.weight",
}


def _read_config(config: Config) -> Architecture:
    """Read the original layout's config; every number has another name there."""
    refuse_unsupported(config, _SUPPORTED)
    if "rope_ratio" not in config:
        raise CheckpointError(
            "config.json is of model type chatglm without rope_ratio: ChatGLM2 or 3, not GLM-4",
            "ovglm list names the models that can be exported",
        )
    heads, head_dim = number(config, "num_attention_heads"), number(config, "kv_channels")
    grouped = switch(config, "multi_query_attention", False)
    return Architecture(
        family="chatglm",
        hidden_size=number(config, "hidden_size"),
        intermediate_size=number(config, "ffn_hidden_size"),
        layers=number(config, "num_layers"),
        heads=heads,
        kv_heads=number(config, "multi_query_group_num") if grouped else heads,
        head_dim=head_dim,
        rotary_dim=int(head_dim * _ROTARY_PART),
        vocab_size=number(config, "padded_vocab_size"),
        max_positions=number(config, "seq_length"),
        rope_theta=_BASE_THETA * fraction(config, "rope_ratio"),
        rms_eps=fraction(config, "layernorm_epsilon"),
        qkv_bias=switch(config, "add_qkv_bias", False),
        output_bias=False,
        tied=switch(config, "tie_word_embeddings", False),
        extra_norms=False,
    )


def _places(arch: Architecture) -> dict[str, Place]:
    """Map internal names to the original ones; q, k and v are rows of one fused matrix."""
    places = {
        "model.embed_tokens.weight": Place("transformer.embedding.word_embeddings.weight"),
        "model.norm.weight": Place("transformer.encoder.final_layernorm.weight"),
        "lm_head.weight": Place("transformer.output_layer.weight"),
    }
    for layer in range(arch.layers):
        inner, outer = f"model.layers.{layer}", f"transformer.encoder.layers.{layer}"
        places |= {f"{inner}.{own}": Place(f"{outer}.{old}") for own, old in _NAMES.items()}
        places |= _fused_places(arch, inner, f"{outer}.self_attention.query_key_value")
    return places


def _fused_places(arch: Architecture, inner: str, fused: str) -> dict[str, Place]:
    """Cut the fused matrix: rows [heads * head_dim | kv * head_dim | kv * head_dim]."""
    query, group = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
    rows = {"q": (0, query), "k": (query, query + group), "v": (query + group, query + 2 * group)}
    kinds = ("weight", "bias") if arch.qkv_bias else ("weight",)
    return {
        f"{inner}.self_attn.{part}_proj.{kind}": Place(f"{fused}.{kind}", start, stop)
        for part, (start, stop) in rows.items()
        for kind in kinds
    }


FAMILY = Family(_read_config, _places, ignored_tensors=("transformer.rotary_pos_emb.inv_freq",))
