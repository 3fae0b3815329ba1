"""Whether a conversation's calls and results belong together; the same for every dialect."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ovglm.errors import OvglmError
from ovglm.messages import Message, ToolCall

__all__ = ["Place", "check_history"]


@dataclass(frozen=True)
class Place:
    """What a message, and each of its calls, is called where it came from."""

    name: str
    calls: tuple[str, ...] = ()


def check_history(messages: Sequence[Message], places: Sequence[Place] = ()) -> None:
    """Refuse calls and results that do not fit, and say which.

    Behind a message with calls stand their results, one for each and in the same order: the
    templates write no ids, so a model knows a result by its place alone.
    places: of the messages; by default they are messages[0] and so on.
    """
    places = places or [_place_of(number, message) for number, message in enumerate(messages)]
    waiting: list[ToolCall] = []
    asked_at = ""
    for place, message in zip(places, messages, strict=True):
        if message.role == "tool":
            waiting = _take_result(place.name, message, asked_at, waiting)
            continue
        if waiting:
            raise _missing(asked_at, waiting, f"{place.name}, of role {message.role!r}, follows")
        _check_message(place, message)
        waiting, asked_at = list(message.tool_calls), place.name
    if waiting:
        raise _missing(asked_at, waiting, "the conversation ends")


def _place_of(number: int, message: Message) -> Place:
    name = f"messages[{number}]"
    calls = range(len(message.tool_calls))
    return Place(name, tuple(f"{name}.tool_calls[{call}]" for call in calls))


def _take_result(
    name: str, message: Message, asked_at: str, waiting: list[ToolCall]
) -> list[ToolCall]:
    given = message.tool_call_id
    if not given:
        raise OvglmError(f"{name} is a result without tool_call_id", "name its call")
    if not waiting:
        raise OvglmError(
            f"{name} is the result of {given!r}, and no call waits for one",
            "put it right behind the message with the call, once",
        )
    if given == waiting[0].id:
        return waiting[1:]
    if any(call.id == given for call in waiting):
        raise OvglmError(
            f"{name} is the result of {given!r}; that of {_name(waiting[0])} comes first",
            f"put the results in the order of the calls in {asked_at}",
        )
    raise OvglmError(
        f"{name} is the result of {given!r}, which {asked_at} did not call or which has its "
        f"result; {_name(waiting[0])} waits for one",
        "use the id of the call",
    )


def _check_message(place: Place, message: Message) -> None:
    if message.tool_call_id:
        raise OvglmError(
            f"{place.name}, of role {message.role!r}, has a tool_call_id",
            "only a message of role tool has one",
        )
    if message.tool_calls and message.role != "assistant":
        raise OvglmError(
            f"{place.name}, of role {message.role!r}, has tool_calls",
            "only a message of role assistant has them",
        )
    ids = [call.id for call in message.tool_calls]
    for number, (call, where) in enumerate(zip(message.tool_calls, place.calls, strict=True)):
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


def _missing(asked_at: str, waiting: Sequence[ToolCall], what: str) -> OvglmError:
    calls = ", ".join(map(_name, waiting))
    return OvglmError(
        f"The result of {calls}, called in {asked_at}, is missing: {what}",
        "answer each call with a message of role tool, right behind it",
    )


def _name(call: ToolCall) -> str:
    return f"{call.id!r} ({call.name})"
