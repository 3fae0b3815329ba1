"""What every reply says of itself: its id, when it was made, by which model on which system."""

import hashlib
import json
import time
from dataclasses import dataclass
from uuid import uuid4

import ovglm
from ovglm_serve.generation import Count
from ovglm_serve.schema.replies import UsageReply
from ovglm_serve.served_model import ServedModel

__all__ = ["Identity", "new_identity", "usage_of"]


@dataclass(frozen=True)
class Identity:
    """created: seconds since 1970. fingerprint: equal ones give equal texts for equal seeds."""

    id: str
    created: int
    model: str
    fingerprint: str


def new_identity(prefix: str, model: ServedModel) -> Identity:
    """Make the identity of a reply by `model`; its id begins with `prefix`."""
    return Identity(f"{prefix}-{uuid4().hex}", int(time.time()), model.name, _fingerprint(model))


def usage_of(count: Count) -> UsageReply:
    """Write a count as OpenAI does."""
    return {
        "prompt_tokens": count.prompt_tokens,
        "completion_tokens": count.reply_tokens,
        "total_tokens": count.prompt_tokens + count.reply_tokens,
        "prompt_tokens_details": {"cached_tokens": count.cached_tokens},
    }


def _fingerprint(model: ServedModel) -> str:
    """Hash what the outcome depends on besides the request."""
    info = model.engine.info
    parts = [
        model.facts.fingerprint,
        ovglm.__version__,
        info.kind,
        info.device_name,
        sorted(info.properties.items()),
    ]
    return "fp_" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
