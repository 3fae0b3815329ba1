"""GLM-4-9B in the Hugging Face layout, GLM-Edge, and GLM-Edge-V, which looks at pictures."""

from dataclasses import replace

from ovglm.models.entry import Entry
from ovglm.models.licences import GLM_4, GLM_EDGE
from ovglm.models.shapes import EDGE_1_5B, EDGE_4B, EDGE_V_2B, EDGE_V_5B, GLM4_9B, GLM4_9B_1M

__all__ = ["GLM"]

GLM = (
    Entry(
        "glm-edge-1.5b-chat",
        "glm",
        "GLM-Edge 1.5B, for small machines",
        "zai-org/glm-edge-1.5b-chat",
        EDGE_1_5B,
        "glm_edge",
        GLM_EDGE,
        note="where its head turns out to be its embedding, an export is 0.1 GB smaller",
    ),
    Entry(
        "glm-edge-4b-chat",
        "glm",
        "GLM-Edge 4B, for laptops",
        "zai-org/glm-edge-4b-chat",
        EDGE_4B,
        "glm_edge",
        GLM_EDGE,
    ),
    Entry(
        "glm-edge-v-2b",
        "glm",
        "GLM-Edge-V 2B, looks at pictures",
        "zai-org/glm-edge-v-2b",
        EDGE_1_5B,
        "glm_edge",
        GLM_EDGE,
        tower=EDGE_V_2B,
    ),
    Entry(
        "glm-edge-v-5b",
        "glm",
        "GLM-Edge-V 5B, looks at pictures",
        "zai-org/glm-edge-v-5b",
        EDGE_4B,
        "glm_edge",
        GLM_EDGE,
        tower=EDGE_V_5B,
    ),
    Entry(
        "glm-4-9b-chat-hf",
        "glm",
        "GLM-4-9B-Chat, 128K context",
        "zai-org/glm-4-9b-chat-hf",
        GLM4_9B,
        "glm4",
        GLM_4,
    ),
    Entry(
        "glm-4-9b-chat-1m-hf",
        "glm",
        "GLM-4-9B-Chat, one million tokens of context",
        "zai-org/glm-4-9b-chat-1m-hf",
        GLM4_9B_1M,
        "glm4",
        GLM_4,
    ),
    Entry(
        "glm-4-9b-hf",
        "glm",
        "GLM-4-9B, the base model",
        "zai-org/glm-4-9b-hf",
        replace(GLM4_9B, context_length=8192),
        "glm4",
        GLM_4,
        is_base=True,
    ),
)
