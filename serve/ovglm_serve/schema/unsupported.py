"""The fields of OpenAI's requests that are refused, each with the reason."""

from collections.abc import Mapping

__all__ = ["UNSUPPORTED"]

_TEXT_ONLY = "the models here read text and pictures, and write text"
_DEPRECATED = "it is deprecated; use tools and tool_choice"

# A null is let through: clients send it for what they do not use.
UNSUPPORTED: Mapping[str, str] = {
    "annotations": _TEXT_ONLY,
    "audio": _TEXT_ONLY,
    "best_of": "answers are not ranked; use n",
    "function_call": _DEPRECATED,
    "functions": _DEPRECATED,
    "logit_bias": "the runtime cannot do it",
    "moderation": "nothing here moderates",
    "name": "chat templates have no place for it",
    "prediction": "the runtime cannot do it",
    "prompt_cache_breakpoint": "prompts are cached by themselves",
    "prompt_cache_options": "prompts are cached by themselves",
    "suffix": "the models here cannot fill in the middle",
    "web_search_options": "nothing here searches the web",
}
