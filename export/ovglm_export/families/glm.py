"""`glm`: GLM-4-9B-Chat-HF, -1M-HF and their base, and GLM-Edge 1.5B and 4B."""

from ovglm_export.architecture import Architecture
from ovglm_export.config_reader import fraction, number, read_rope, refuse_unsupported, switch
from ovglm_export.families.base import Config, Family, Place

__all__ = ["FAMILY", "layer_names", "read_architecture"]


def layer_names(arch: Architecture) -> list[str]:
    """List the tensors of one decoder layer, without the `model.layers.N.` in front."""
    names = ["input_layernorm.weight", "post_attention_layernorm.weight"]
    names += [f"self_attn.{part}_proj.weight" for part in "qkvo"]
    names += [f"self_attn.{part}_proj.bias" for part in "qkv" if arch.qkv_bias]
    names += ["self_attn.o_proj.bias"] if arch.output_bias else []
    names += ["mlp.gate_up_proj.weight", "mlp.down_proj.weight"]
    extra = ["post_self_attn_layernorm.weight", "post_mlp_layernorm.weight"]
    return names + (extra if arch.extra_norms else [])


def read_architecture(config: Config, family: str, extra_norms: bool) -> Architecture:
    """Read the numbers of a config in transformers' own GLM form."""
    theta, rotary_part, yarn = read_rope(config)
    head_dim = number(config, "head_dim")
    bias = switch(config, "attention_bias", True)
    return Architecture(
        family=family,
        hidden_size=number(config, "hidden_size"),
        intermediate_size=number(config, "intermediate_size"),
        layers=number(config, "num_hidden_layers"),
        heads=number(config, "num_attention_heads"),
        kv_heads=number(config, "num_key_value_heads"),
        head_dim=head_dim,
        rotary_dim=int(head_dim * rotary_part),
        vocab_size=number(config, "vocab_size"),
        max_positions=number(config, "max_position_embeddings"),
        rope_theta=theta,
        rms_eps=fraction(config, "rms_norm_eps"),
        qkv_bias=bias,
        output_bias=False,
        tied=switch(config, "tie_word_embeddings", False),
        extra_norms=extra_norms,
        yarn=yarn,
    )


def _read_config(config: Config) -> Architecture:
    """Read a `glm` config."""
    refuse_unsupported(config, {})
    return read_architecture(config, "glm", extra_norms=False)


def own_places(arch: Architecture) -> dict[str, Place]:
    """Map each internal name to itself: this layout's names are the internal ones."""
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    for layer in range(arch.layers):
        names += [f"model.layers.{layer}.{name}" for name in layer_names(arch)]
    return {name: Place(name) for name in names}


FAMILY = Family(_read_config, own_places)
