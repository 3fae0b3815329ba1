"""From an Ask to a Generation: history checked, tools offered, prompt encoded, answer held to form.

All that depends on the model's way of speaking is its dialect's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ovglm.dialects.history import Place
from ovglm.dialects.tools import offer_tools
from ovglm.engine.constraint_text import write_constraint
from ovglm.errors import OvglmError
from ovglm.messages import Message
from ovglm.pictures import pictures_of
from ovglm.template import encode_chat, prompt_end
from ovglm_serve.ask import Ask
from ovglm_serve.errors import as_refusal
from ovglm_serve.generation import Generation
from ovglm_serve.served_model import ServedModel

__all__ = ["encode_messages", "prepare"]


def prepare(model: ServedModel, ask: Ask) -> Generation:
    """Make the answers to `ask`, not started yet. Raises ApiError.

    For a long prompt it takes so long that it belongs into a thread of its own.
    """
    dialect = model.dialect
    tools = () if ask.tool_choice == "none" else ask.tools
    with as_refusal(ask.thinks_field, "unsupported_value"):
        variables = dialect.variables(ask.thinks)
    prompt_ids = encode_messages(model, ask.messages, tools, places=ask.places, variables=variables)
    blamed = "response_format" if ask.schema is not None else "tools"
    with as_refusal(blamed, "invalid_value"):
        constraint = dialect.constraint(
            tools, ask.tool_choice, ask.parallel, thinks=ask.thinks, schema=ask.schema
        )
        if constraint is not None:
            write_constraint(constraint)  # the engine would not know which field to blame
            _refuse_unheld(model)
    end = prompt_end(model.tokenizer, prompt_ids)
    return Generation(
        model,
        prompt_ids,
        replace(ask.sampling, constraint=constraint, keep_special=True),
        pictures=pictures_of(ask.messages),
        prompt_field="messages",
        make_parser=lambda: dialect.parser(tools, thinks=dialect.thinks, prompt_end=end),
        is_single=not ask.parallel,
    )


def _refuse_unheld(model: ServedModel) -> None:
    """Refuse to hold an answer to a form where the engine cannot."""
    if model.engine.info.kind == "vision":
        raise OvglmError(
            f"{model.name} takes pictures, and such models answer freely here: without a schema, a "
            "strict tool, or a tool that must be called",
            "leave it out, and describe the form in the message",
        )


def encode_messages(
    model: ServedModel,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]] = (),
    *,
    places: Sequence[Place] = (),
    variables: Mapping[str, Any] | None = None,
) -> list[int]:
    """Give the token ids of a conversation that the model is to go on with.

    places: what the request calls its messages. variables: what else the template reads.
    """
    dialect = model.dialect
    with as_refusal("messages", "invalid_value"):
        dialect.check_history(messages, places)
        offered = offer_tools(messages, tools)
        return encode_chat(
            model.template,
            model.tokenizer,
            dialect.render(offered),
            tools=dialect.template_tools(offered),
            vision=model.engine.info.vision,
            **(variables or {}),
        )
