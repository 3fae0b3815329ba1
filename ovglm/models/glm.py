"""GLM-4-9B in the Hugging Face layout, and GLM-Edge."""

from ovglm.models.entry import Entry

__all__ = ["GLM"]

GLM = (
    Entry(
        "glm-4-9b-chat-hf",
        "glm",
        "GLM-4-9B-Chat, 128K context",
        "zai-org/glm-4-9b-chat-hf",
    ),
    Entry(
        "glm-4-9b-chat-1m-hf",
        "glm",
        "GLM-4-9B-Chat, one million tokens of context",
        "zai-org/glm-4-9b-chat-1m-hf",
    ),
    Entry(
        "glm-4-9b-hf",
        "glm",
        "GLM-4-9B, the base model",
        "zai-org/glm-4-9b-hf",
    ),
    Entry(
        "glm-edge-1.5b-chat",
        "glm",
        "GLM-Edge 1.5B, for small machines",
        "zai-org/glm-edge-1.5b-chat",
    ),
    Entry(
        "glm-edge-4b-chat",
        "glm",
        "GLM-Edge 4B, for laptops",
        "zai-org/glm-edge-4b-chat",
    ),
)
