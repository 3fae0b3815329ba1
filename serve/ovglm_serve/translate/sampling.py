"""From a request's sampling fields to Sampling: the one place that knows both sets of names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ovglm.messages import Sampling
from ovglm_serve.errors import ApiError, as_refusal
from ovglm_serve.schema.chat import ChatRequest
from ovglm_serve.schema.completions import CompletionRequest
from ovglm_serve.schema.sampling import SamplingFields

__all__ = ["LONGEST", "chat_sampling", "completion_sampling"]

# As long as the context has room: generation.py cuts it to that.
LONGEST = 2**31 - 1
_MOST_COMPLETION_SCORES = 5
_SAME_NAMES = (
    "n",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "ignore_eos",
)


def chat_sampling(request: ChatRequest, recommended: Sampling) -> Sampling:
    """Put the request over what the model recommends. Raises ApiError that names the field."""
    short, long = request.max_tokens, request.max_completion_tokens
    if short is not None and long is not None and short != long:
        text = f"max_tokens is {short} and max_completion_tokens {long}; they mean the same"
        raise ApiError(400, text, param="max_tokens", code="invalid_value")
    sampling = _put(request, replace(recommended, max_new_tokens=LONGEST))
    sampling = _set(sampling, "max_completion_tokens", max_new_tokens=long)
    sampling = _set(sampling, "logprobs", logprobs=request.logprobs)
    return _set(sampling, "top_logprobs", top_logprobs=request.top_logprobs)


def completion_sampling(request: CompletionRequest, recommended: Sampling) -> Sampling:
    """Put the request over what the model recommends. Raises ApiError that names the field."""
    sampling = _put(request, replace(recommended, max_new_tokens=LONGEST))
    count = request.logprobs
    if count is None:
        return sampling
    if not 0 <= count <= _MOST_COMPLETION_SCORES:
        text = f"logprobs is {count}; it must be from 0 to {_MOST_COMPLETION_SCORES}"
        raise ApiError(400, text, param="logprobs", code="invalid_value")
    return _set(sampling, "logprobs", logprobs=True, top_logprobs=count)


def _put(request: SamplingFields, sampling: Sampling) -> Sampling:
    for name in _SAME_NAMES:
        sampling = _set(sampling, name, **{name: getattr(request, name)})
    sampling = _set(sampling, "max_tokens", max_new_tokens=request.max_tokens)
    stop = (request.stop,) if isinstance(request.stop, str) else request.stop
    return _set(sampling, "stop", stop=tuple(stop) if stop else None)


def _set(sampling: Sampling, param: str, **values: Any) -> Sampling:
    """Set what is given; `param` is to blame where Sampling refuses the value."""
    given: Mapping[str, Any] = {name: value for name, value in values.items() if value is not None}
    with as_refusal(param, "invalid_value"):
        return replace(sampling, **given)
