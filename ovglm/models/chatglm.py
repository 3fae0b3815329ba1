"""GLM-4-9B in its original layout, and GLM-4V-9B, which looks at pictures."""

from dataclasses import replace

from ovglm.models.entry import Entry
from ovglm.models.licences import GLM_4
from ovglm.models.shapes import GLM4_9B, GLM4_9B_1M, GLM4V_9B

__all__ = ["CHATGLM"]

CHATGLM = (
    Entry(
        "glm-4-9b-chat",
        "chatglm",
        "GLM-4-9B-Chat in the original layout",
        "zai-org/glm-4-9b-chat",
        GLM4_9B,
        "glm4",
        GLM_4,
    ),
    Entry(
        "glm-4-9b-chat-1m",
        "chatglm",
        "GLM-4-9B-Chat-1M in the original layout",
        "zai-org/glm-4-9b-chat-1m",
        GLM4_9B_1M,
        "glm4",
        GLM_4,
    ),
    Entry(
        "glm-4-9b",
        "chatglm",
        "GLM-4-9B in the original layout, the base model",
        "zai-org/glm-4-9b",
        replace(GLM4_9B, context_length=8192),
        "glm4",
        GLM_4,
        is_base=True,
    ),
    Entry(
        "glm-4v-9b",
        "chatglm",
        "GLM-4V-9B, looks at large pictures",
        "zai-org/glm-4v-9b",
        replace(GLM4_9B, context_length=8192),
        "glm4",
        GLM_4,
        tower=GLM4V_9B,
    ),
)
