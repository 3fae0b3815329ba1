"""How the context of one answer is divided between its prompt and its reply, in tokens."""

from dataclasses import dataclass

from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError

__all__ = ["Window", "check_context", "paged_window"]

# Without --context: long enough for documents, short enough to leave memory to other programs.
_USUAL_CONTEXT = 32768
# Less than this is no help to anyone: the load is refused instead, with the figures.
_LEAST_CONTEXT = 1024


@dataclass(frozen=True)
class Window:
    """The longest prompt and reply together, and the longest prompt; why they are not longer."""

    context: int
    max_prompt: int
    note: str = ""


def check_context(options: RuntimeOptions, context_length: int) -> None:
    """Refuse a context that the model was not made for, or a reply that leaves no prompt."""
    if options.context is not None and options.context > context_length:
        raise OvglmError(
            f"the context is {options.context} tokens, and the model was made for {context_length}",
            hint=f"--context {context_length}",
        )
    context = options.context or context_length
    if options.max_response is not None and options.max_response >= context:
        raise OvglmError(
            f"a response of {options.max_response} tokens leaves no room for a prompt in a context "
            f"of {context}",
            hint=f"--max-response {max(1, context // 2)}",
        )


def paged_window(context_length: int, options: RuntimeOptions, most_tokens: int | None) -> Window:
    """Divide a context whose cache grows in pages: the prompt may fill all but the reply's part.

    Without --context it is the model's own, up to 32768 tokens and to what the memory has room for.
    """
    check_context(options, context_length)
    wanted = options.context or min(context_length, _USUAL_CONTEXT)
    context, note = wanted, ""
    least = min(wanted, _LEAST_CONTEXT)
    if options.context is None and most_tokens is not None and least <= most_tokens < wanted:
        context = most_tokens
        note = f"the free memory has room for a context of {context} tokens"
    reply = min(options.max_response or 1, context - 1)
    return Window(context, max(1, context - reply), note)
