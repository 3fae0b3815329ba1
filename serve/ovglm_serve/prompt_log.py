"""Logs prompts, for --log-prompts only; nothing else in the server writes what users say."""

import json
import logging
from collections.abc import Sequence

from ovglm.vision_facts import VisionFacts
from ovglm_serve.holds import request_id

__all__ = ["log_prompt", "short_prompt"]


def log_prompt(model: str, prompt: str) -> None:
    """Log one prompt on one line, as the model reads it."""
    text = json.dumps(prompt, ensure_ascii=False)
    logging.getLogger("ovglm_serve.prompts").info("%s %s reads %s", request_id(), model, text)


def short_prompt(prompt_ids: Sequence[int], vision: VisionFacts | None) -> list[int]:
    """Leave out all but the first of the many equal tokens that stand for a picture."""
    if vision is None or vision.placement == "span":
        return list(prompt_ids)
    before = (None, *prompt_ids)
    return [
        token
        for token, last in zip(prompt_ids, before, strict=False)
        if not token == last == vision.begin_id
    ]
