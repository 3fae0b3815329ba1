"""The 0414 generation: GLM-4 and the reasoning models GLM-Z1."""

from dataclasses import replace

from ovglm.models.entry import Entry
from ovglm.models.licences import MIT
from ovglm.models.shapes import GLM4_9B_0414, GLM4_32B

__all__ = ["GLM4"]

GLM4 = (
    Entry(
        "glm-4-9b-0414",
        "glm4",
        "GLM-4-9B of April 2025",
        "zai-org/GLM-4-9B-0414",
        GLM4_9B_0414,
        "glm0414",
        MIT,
    ),
    Entry(
        "glm-z1-9b-0414",
        "glm4",
        "GLM-Z1-9B, thinks first",
        "zai-org/GLM-Z1-9B-0414",
        GLM4_9B_0414,
        "glm_z1",
        MIT,
    ),
    Entry(
        "glm-4-32b-0414",
        "glm4",
        "GLM-4-32B of April 2025",
        "zai-org/GLM-4-32B-0414",
        GLM4_32B,
        "glm0414",
        MIT,
    ),
    Entry(
        "glm-4-32b-base-0414",
        "glm4",
        "GLM-4-32B of April 2025, the base model",
        "zai-org/GLM-4-32B-Base-0414",
        GLM4_32B,
        "glm0414",
        MIT,
        is_base=True,
    ),
    Entry(
        "glm-z1-32b-0414",
        "glm4",
        "GLM-Z1-32B, thinks first",
        "zai-org/GLM-Z1-32B-0414",
        GLM4_32B,
        "glm_z1",
        MIT,
    ),
    Entry(
        "glm-z1-rumination-32b-0414",
        "glm4",
        "GLM-Z1-Rumination-32B, thinks long",
        "zai-org/GLM-Z1-Rumination-32B-0414",
        replace(GLM4_32B, kv_heads=8, context_length=131072),
        None,
        MIT,
        note="it expects tools of its own (search, click, open, finish), which nobody runs here",
    ),
)
