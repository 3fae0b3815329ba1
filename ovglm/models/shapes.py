"""The shapes that several models share, and where their numbers were read.

Public sources: the configs as read by huggingface/transformers' GLM classes and by llama.cpp's
loader (`print_info` of GLM-4-9B-Chat and GLM-Z1-32B), KV heads and biases per checkpoint as
listed by a public model index; held against the sizes that the hubs list. Towers: GLM-4V-9B's as
public copies of its code have it; of GLM-Edge-V's the size of pictures and patches and the order
of the layers (THUDM/GLM-Edge, convert_v.py), the widths as of SigLIP so400m, which with the
adapter's give the published 2 and 5 billion. An export reads all of them from the checkpoint.
"""

from dataclasses import replace

from ovglm.models.entry import Shape
from ovglm.vision_sizes import TowerShape

__all__ = [
    "EDGE_1_5B",
    "EDGE_4B",
    "EDGE_V_2B",
    "EDGE_V_5B",
    "GLM4V_9B",
    "GLM4_9B",
    "GLM4_9B_0414",
    "GLM4_9B_1M",
    "GLM4_32B",
]

GLM4_9B = Shape(
    hidden_size=4096,
    intermediate_size=13696,
    layers=40,
    heads=32,
    kv_heads=2,
    vocab_size=151552,
    context_length=131072,
)
GLM4_9B_1M = replace(GLM4_9B, kv_heads=4, context_length=1048576)
GLM4_9B_0414 = replace(GLM4_9B, extra_norms=True, context_length=32768)
GLM4_32B = Shape(
    hidden_size=6144,
    intermediate_size=23040,
    layers=61,
    heads=48,
    kv_heads=2,
    vocab_size=151552,
    context_length=32768,
    qkv_bias=False,
    extra_norms=True,
)
# Its config.json says tied, and its files hold a head all the same: 3.0 GiB, tied would be 2.7.
EDGE_1_5B = Shape(
    hidden_size=2048,
    intermediate_size=6144,
    layers=28,
    heads=16,
    kv_heads=4,
    vocab_size=59264,
    context_length=8192,
    qkv_bias=False,
)
# The MLP's width is the one that gives the published size of 8.1 GiB.
EDGE_4B = replace(
    EDGE_1_5B, hidden_size=3072, intermediate_size=8192, layers=40, heads=24, kv_heads=6
)
EDGE_V_2B = TowerShape(
    image_size=672,
    patch_size=14,
    hidden_size=1152,
    intermediate_size=4304,
    layers=27,
    gate_size=EDGE_1_5B.intermediate_size,
    output_size=EDGE_1_5B.hidden_size,
    has_class_vector=False,
    has_final_norm=True,
)
EDGE_V_5B = replace(EDGE_V_2B, gate_size=EDGE_4B.intermediate_size, output_size=EDGE_4B.hidden_size)
GLM4V_9B = TowerShape(
    image_size=1120,
    patch_size=14,
    hidden_size=1792,
    intermediate_size=15360,
    layers=63,
    gate_size=GLM4_9B.intermediate_size,
    output_size=GLM4_9B.hidden_size,
    has_class_vector=True,
    has_final_norm=False,
)
