"""From a whole request to an Ask."""

from collections.abc import Mapping
from typing import Any

from ovglm.messages import Sampling
from ovglm_serve.ask import Ask, TextAsk
from ovglm_serve.errors import ApiError
from ovglm_serve.schema.chat import ChatRequest, JsonFormat, ResponseFormat, SchemaFormat
from ovglm_serve.schema.completions import CompletionRequest, Prompt
from ovglm_serve.schema.sampling import SamplingFields
from ovglm_serve.translate.messages import to_messages, to_pictures
from ovglm_serve.translate.sampling import chat_sampling, completion_sampling
from ovglm_serve.translate.tools import to_choice, to_tools

__all__ = ["ANY_OBJECT", "to_ask", "to_text_ask"]

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


def to_ask(request: ChatRequest, recommended: Sampling) -> Ask:
    """Translate a chat request; recommended: the model's own sampling. Raises ApiError."""
    thinks, thinks_field = _to_thinks(request)
    return Ask(
        model=request.model,
        messages=to_messages(request.messages),
        pictures=to_pictures(request.messages),
        sampling=chat_sampling(request, recommended),
        tools=to_tools(request.tools),
        tool_choice=to_choice(request),
        parallel=request.parallel_tool_calls is not False,
        schema=_to_schema(request.response_format),
        thinks=thinks,
        thinks_field=thinks_field,
        is_streamed=bool(request.stream),
        include_usage=_wants_usage(request),
    )


def to_text_ask(request: CompletionRequest, recommended: Sampling) -> TextAsk:
    """Translate a completion request. Raises ApiError."""
    if request.echo and request.logprobs is not None:
        text = "'echo' and 'logprobs' together are not supported: prompts are not scored"
        raise ApiError(400, text, param="echo", code="unsupported_parameter")
    return TextAsk(
        model=request.model,
        prompts=_to_prompts(request.prompt),
        sampling=completion_sampling(request, recommended),
        echo=bool(request.echo),
        is_streamed=bool(request.stream),
        include_usage=_wants_usage(request),
    )


def _wants_usage(request: SamplingFields) -> bool:
    options = request.stream_options
    if options is not None and not request.stream:
        text = "'stream_options' needs 'stream' to be true"
        raise ApiError(400, text, param="stream_options", code="invalid_value")
    return options is not None and bool(options.include_usage)


def _to_schema(wanted: ResponseFormat | None) -> Mapping[str, Any] | None:
    match wanted:
        case SchemaFormat():
            return wanted.json_schema.schema_
        case JsonFormat():
            return ANY_OBJECT
        case _:
            return None


def _to_thinks(request: ChatRequest) -> tuple[bool | None, str]:
    """Read the two fields that say whether to think, None where neither does; name the field."""
    effort, options = request.reasoning_effort, request.chat_template_kwargs
    by_effort = None if effort is None else effort != "none"
    by_option = options.enable_thinking if options else None
    if by_effort is not None and by_option is not None and by_effort != by_option:
        text = f"'reasoning_effort' is {effort!r}, and enable_thinking says otherwise"
        raise ApiError(400, text, param="reasoning_effort", code="invalid_value")
    if by_effort is None:
        return by_option, "chat_template_kwargs.enable_thinking"
    return by_effort, "reasoning_effort"


def _to_prompts(prompt: Prompt) -> tuple[str | tuple[int, ...], ...]:
    if isinstance(prompt, str):
        return (prompt,)
    if all(isinstance(one, int) for one in prompt):
        return (tuple(one for one in prompt if isinstance(one, int)),)
    return tuple(one if isinstance(one, str) else tuple(one) for one in prompt)  # pyright: ignore
