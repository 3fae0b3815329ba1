"""GLM-4V-9B: an EVA2-CLIP tower with norms behind its blocks, whose patches share one position.

Names, order and constants: THUDM/glm-4v-9b, visual.py and modeling_chatglm.py, as public copies
give them (intel/ipex-llm, chatglm4v.py; vllm-project/vllm, glm4_vision_encoder.py).
"""

from ovglm_export.vision.family import Style, VisionFamily

__all__ = ["FAMILY"]

_VISION = "transformer.vision"
_GLU = f"{_VISION}.linear_proj"

FAMILY = VisionFamily(
    style=Style(
        tower="eva2_clip",
        norm_first=False,
        has_class_vector=True,
        has_final_norm=False,
        placement="span",
        positions="shared",
    ),
    channels="in_channels",
    heads="num_heads",
    divisor="scaling_factor",
    modules={
        "vision.patch": f"{_VISION}.patch_embedding.proj",
        "vision.positions": f"{_VISION}.patch_embedding.position_embedding",
        "vision.adapter.conv": f"{_VISION}.conv",
        "vision.adapter.linear": f"{_GLU}.linear_proj",
        "vision.adapter.norm": f"{_GLU}.norm1",
        "vision.adapter.up": f"{_GLU}.dense_h_to_4h",
        "vision.adapter.gate": f"{_GLU}.gate_proj",
        "vision.adapter.down": f"{_GLU}.dense_4h_to_h",
    },
    layers=f"{_VISION}.transformer.layers",
    layer_modules={
        "norm1": "input_layernorm",
        "norm2": "post_attention_layernorm",
        "attention.out": "attention.dense",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    },
    fused_qkv="attention.query_key_value",
    singles={
        "vision.class_vector": f"{_VISION}.patch_embedding.cls_embedding",
        "vision.adapter.begin": f"{_VISION}.boi",
        "vision.adapter.end": f"{_VISION}.eoi",
    },
)
