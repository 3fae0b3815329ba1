"""GLM-4-9B in its original layout."""

from ovglm.models.entry import Entry

__all__ = ["CHATGLM"]

CHATGLM = (
    Entry(
        "glm-4-9b-chat",
        "chatglm",
        "GLM-4-9B-Chat in the original layout",
        "zai-org/glm-4-9b-chat",
    ),
    Entry(
        "glm-4-9b-chat-1m",
        "chatglm",
        "GLM-4-9B-Chat-1M in the original layout",
        "zai-org/glm-4-9b-chat-1m",
    ),
    Entry(
        "glm-4-9b",
        "chatglm",
        "GLM-4-9B in the original layout, the base model",
        "zai-org/glm-4-9b",
    ),
)
