"""Logs prompts, for --log-prompts only; nothing else in the server writes what users say."""

import json
import logging

from ovglm_serve.holds import request_id

__all__ = ["log_prompt"]


def log_prompt(model: str, prompt: str) -> None:
    """Log one prompt on one line, as the model reads it."""
    text = json.dumps(prompt, ensure_ascii=False)
    logging.getLogger("ovglm_serve.prompts").info("%s %s reads %s", request_id(), model, text)
