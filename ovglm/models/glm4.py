"""The 0414 generation: GLM-4 and the reasoning models GLM-Z1."""

from ovglm.models.entry import Entry

__all__ = ["GLM4"]

GLM4 = (
    Entry("glm-4-9b-0414", "glm4", "GLM-4-9B of April 2025", "zai-org/GLM-4-9B-0414"),
    Entry("glm-4-32b-0414", "glm4", "GLM-4-32B of April 2025", "zai-org/GLM-4-32B-0414"),
    Entry("glm-z1-9b-0414", "glm4", "GLM-Z1-9B, thinks first", "zai-org/GLM-Z1-9B-0414"),
    Entry("glm-z1-32b-0414", "glm4", "GLM-Z1-32B, thinks first", "zai-org/GLM-Z1-32B-0414"),
)
