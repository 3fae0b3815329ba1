"""From an Ask to a Generation: history checked, tools offered, prompt encoded, answer held to form.

All that depends on the model's way of speaking is its dialect's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ovglm.errors import OvglmError
from ovglm.messages import Message
from ovglm.template import encode_chat
from ovglm_serve.ask import Ask
from ovglm_serve.errors import as_refusal
from ovglm_serve.generation import Generation
from ovglm_serve.served_model import ServedModel

__all__ = ["encode_messages", "encode_text", "prepare"]

# Tokens of the prompt's end that a parser looks at, to see whether a thought is open.
_PROMPT_END = 24


def prepare(model: ServedModel, ask: Ask) -> Generation:
    """Make the answers to `ask`, not started yet. Raises ApiError.

    For a long prompt it takes so long that it belongs into a thread of its own.
    """
    dialect = model.dialect
    tools = () if ask.tool_choice == "none" else ask.tools
    with as_refusal(ask.thinks_field, "unsupported_value"):
        variables = dialect.variables(ask.thinks)
    prompt_ids = encode_messages(model, ask.messages, tools, variables)
    with as_refusal("response_format" if ask.schema is not None else "tools", "invalid_value"):
        constraint = dialect.constraint(
            tools, ask.tool_choice, ask.parallel, thinks=ask.thinks, schema=ask.schema
        )
    prompt_end = model.tokenizer.decode(prompt_ids[-_PROMPT_END:], skip_special=False)
    return Generation(
        model,
        prompt_ids,
        replace(ask.sampling, constraint=constraint, keep_special=True),
        prompt_field="messages",
        make_parser=lambda: dialect.parser(tools, thinks=dialect.thinks, prompt_end=prompt_end),
        is_single=not ask.parallel,
    )


def encode_messages(
    model: ServedModel,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]] = (),
    variables: Mapping[str, Any] | None = None,
) -> list[int]:
    """Give the token ids of a conversation that the model is to go on with.

    variables: what else the template reads.
    """
    dialect = model.dialect
    with as_refusal("messages", "invalid_value"):
        dialect.check_history(messages)
        offered = _offer(messages, tools)
        return encode_chat(
            model.template,
            model.tokenizer,
            dialect.render(offered),
            tools=dialect.template_tools(offered),
            **(variables or {}),
        )


def encode_text(model: ServedModel, text: str) -> list[int]:
    """Give the token ids of a text to go on with, behind what the template writes at the start.

    The families were trained with these first tokens before any text. Control tokens in the text
    itself are text like any other.
    """
    try:
        start = encode_chat(model.template, model.tokenizer, [], add_generation_prompt=False)
    except OvglmError:  # a template that cannot do without messages tells no start
        start = []
    return start + model.tokenizer.encode(text, allow_special=False)


def _offer(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Put the tools on the first system message, or on one made for them."""
    if not tools:
        return list(messages)
    shown = tuple(map(_without_strict, tools))
    for place, message in enumerate(messages):
        if message.role == "system":
            return [*messages[:place], replace(message, tools=shown), *messages[place + 1 :]]
    return [Message("system", "", tools=shown), *messages]


def _without_strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {name: value for name, value in tool["function"].items() if name != "strict"}
    return {**tool, "function": function}
