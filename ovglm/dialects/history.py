"""Whether a conversation's calls and results belong together; the same for every dialect."""

import json
from collections.abc import Sequence

from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall

__all__ = ["check_history"]


def check_history(messages: Sequence[Message]) -> None:
    """Refuse calls and results that do not fit, and say which.

    Behind a message with calls stand their results, one for each and in the same order: the
    templates write no ids, so a model knows a result by its place alone.
    """
    waiting: list[ToolCall] = []
    asked_at = 0
    for place, message in enumerate(messages):
        if message.role == "tool":
            waiting = _take_result(place, message, asked_at, waiting)
            continue
        if waiting:
            raise _missing(
                asked_at, waiting, f"messages[{place}], of role {message.role!r}, follows"
            )
        _check_message(place, message)
        waiting, asked_at = list(message.tool_calls), place
    if waiting:
        raise _missing(asked_at, waiting, "the conversation ends")


def _take_result(
    place: int, message: Message, asked_at: int, waiting: list[ToolCall]
) -> list[ToolCall]:
    given = message.tool_call_id
    if not given:
        raise OvglmError(f"messages[{place}] is a result without tool_call_id", "name its call")
    if not waiting:
        raise OvglmError(
            f"messages[{place}] is the result of {given!r}, and no call waits for one",
            "put it right behind the message with the call, once",
        )
    if given == waiting[0].id:
        return waiting[1:]
    if any(call.id == given for call in waiting):
        raise OvglmError(
            f"messages[{place}] is the result of {given!r}; "
            f"that of {_name(waiting[0])} comes first",
            f"put the results in the order of the calls in messages[{asked_at}]",
        )
    raise OvglmError(
        f"messages[{place}] is the result of {given!r}, which messages[{asked_at}] did not call or "
        f"which has its result; {_name(waiting[0])} waits for one",
        "use the id of the call",
    )


def _check_message(place: int, message: Message) -> None:
    if message.tool_call_id:
        raise OvglmError(
            f"messages[{place}], of role {message.role!r}, has a tool_call_id",
            "only a message of role tool has one",
        )
    if message.tool_calls and message.role != "assistant":
        raise OvglmError(
            f"messages[{place}], of role {message.role!r}, has tool_calls",
            "only a message of role assistant has them",
        )
    ids = [call.id for call in message.tool_calls]
    for number, call in enumerate(message.tool_calls):
        where = f"messages[{place}].tool_calls[{number}]"
        if not call.id:
            raise OvglmError(f"{where} has no id", "give each call its own id")
        if call.id in ids[:number]:
            raise OvglmError(f"{where} has the id {call.id!r} again", "give each call its own id")
        if not _is_object(call.arguments):
            raise OvglmError(
                f"The arguments of {where}, {_name(call)}, are no JSON object",
                "send them back as the model wrote them",
            )


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments or "{}"), dict)
    except (ValueError, RecursionError):
        return False


def _missing(asked_at: int, waiting: Sequence[ToolCall], what: str) -> OvglmError:
    calls = ", ".join(map(_name, waiting))
    return OvglmError(
        f"The result of {calls}, called in messages[{asked_at}], is missing: {what}",
        "answer each call with a message of role tool, right behind it",
    )


def _name(call: ToolCall) -> str:
    return f"{call.id!r} ({call.name})"
