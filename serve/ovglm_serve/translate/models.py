"""From the status of a model to the card that /v1/models shows."""

from ovglm.dialects import dialect_for
from ovglm.vision_facts import VisionFacts
from ovglm_serve.pool import ModelStatus
from ovglm_serve.schema.replies import ModelCard, VisionCard

__all__ = ["to_card"]


def to_card(status: ModelStatus, created: int) -> ModelCard:
    """Describe a model. created: seconds since 1970, when the server began to offer it."""
    facts, dialect = status.facts, dialect_for(status.facts.dialect)
    return {
        "id": status.name,
        "object": "model",
        "created": created,
        "owned_by": "ovglm",
        "state": status.state,
        "why": status.why,
        "device": status.device,
        "device_name": status.info.device_name if status.info else None,
        "device_reason": status.info.reason if status.info else None,
        "context": status.context,
        "max_prompt": status.info.max_prompt if status.info else None,
        "recipe": facts.recipe,
        "dialect": dialect.name,
        "tools": dialect.tools,
        "thinks": dialect.thinks,
        "vision": _vision_of(facts.vision),
    }


def _vision_of(facts: VisionFacts | None) -> VisionCard | None:
    if facts is None:
        return None
    return {
        "image_size": facts.image_size,
        "tokens_per_picture": facts.vectors,
        "most_pictures": facts.most_pictures,
    }
