"""GLM-Edge-V: a SigLIP tower with norms in front, whose vectors replace a picture's tokens 1:1.

Names and order: ggml-org/llama.cpp, glmedge-surgery.py, glmedge-convert-image-encoder-to-gguf.py
and clip's llava graph; the prompt: THUDM/GLM-Edge, inference/ov_convert/convert_v.py.
"""

from ovglm_export.vision.family import Style, VisionFamily

__all__ = ["FAMILY"]

_VIT = "model.vision.vit.model.vision_model"
_ADAPTER = "model.vision.adapter"

FAMILY = VisionFamily(
    style=Style(
        tower="siglip",
        norm_first=True,
        has_class_vector=False,
        has_final_norm=True,
        placement="each",
        positions="each",
    ),
    channels="num_channels",
    heads="num_attention_heads",
    # What transformers' SiglipVisionConfig means where a field is left out.
    defaults={"num_channels": 3, "layer_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh"},
    modules={
        "vision.patch": f"{_VIT}.embeddings.patch_embedding",
        "vision.positions": f"{_VIT}.embeddings.position_embedding",
        "vision.final_norm": f"{_VIT}.post_layernorm",
        "vision.adapter.conv": f"{_ADAPTER}.conv",
        "vision.adapter.linear": f"{_ADAPTER}.linear.linear",
        "vision.adapter.norm": f"{_ADAPTER}.linear.norm1",
        "vision.adapter.up": f"{_ADAPTER}.linear.dense_h_to_4h",
        "vision.adapter.gate": f"{_ADAPTER}.linear.gate",
        "vision.adapter.down": f"{_ADAPTER}.linear.dense_4h_to_h",
    },
    layers=f"{_VIT}.encoder.layers",
    layer_modules={
        "norm1": "layer_norm1",
        "norm2": "layer_norm2",
        "attention.q": "self_attn.q_proj",
        "attention.k": "self_attn.k_proj",
        "attention.v": "self_attn.v_proj",
        "attention.out": "self_attn.out_proj",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    },
    singles={
        "vision.adapter.begin": f"{_ADAPTER}.boi",
        "vision.adapter.end": f"{_ADAPTER}.eoi",
    },
    # SigLIP's pooling head, which the adapter does not ask, and a buffer that only counts.
    ignored_prefixes=(f"{_VIT}.head.", f"{_VIT}.embeddings.position_ids"),
)
