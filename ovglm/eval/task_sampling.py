"""How a task of lm-evaluation-harness wants its answers -> Sampling."""

from collections.abc import Mapping
from typing import Any

from lm_eval.models.utils import normalize_gen_kwargs

from ovglm.errors import OvglmError
from ovglm.messages import Sampling

__all__ = ["to_sampling"]

_KNOWN = ("top_p", "top_k", "min_p", "repetition_penalty", "seed")


def to_sampling(arguments: Mapping[str, Any], longest: int) -> Sampling:
    """Translate a task's generation_kwargs.

    longest: the longest answer where they do not say. Raises OvglmError for what the engine
    cannot do.
    """
    told: dict[str, Any] = dict(normalize_gen_kwargs(dict(arguments), longest))
    samples, temperature = told.pop("do_sample", False), told.pop("temperature", 0.0)
    named: dict[str, Any] = {
        "max_new_tokens": told.pop("max_gen_toks"),
        "stop": tuple(one for one in told.pop("until", None) or () if one),
        "temperature": (temperature or 1.0) if samples else 0.0,
    }
    named |= {name: told.pop(name) for name in _KNOWN if told.get(name) is not None}
    if told:
        names = ", ".join(sorted(told))
        raise OvglmError(f"a task asks for {names}, which the engine has not", "another task")
    return Sampling(**named)
