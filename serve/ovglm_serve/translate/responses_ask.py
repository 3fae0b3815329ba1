"""From the request of /v1/responses to an Ask. Knows no dialect."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ovglm.dialects.history import Place
from ovglm.dialects.tools import NamedTool, ToolChoice
from ovglm.messages import Message, Role, Sampling, ToolCall
from ovglm_serve.ask import Ask, NamedPicture
from ovglm_serve.errors import ApiError, as_refusal
from ovglm_serve.schema.chat import JsonFormat
from ovglm_serve.schema.responses import (
    FlatSchemaFormat,
    FunctionTool,
    NamedFunction,
    ResponseRequest,
)
from ovglm_serve.schema.responses_fields import NEUTRAL, Refused
from ovglm_serve.schema.responses_items import (
    CallItem,
    InputItem,
    InputPart,
    MessageItem,
    PicturePart,
    ReasoningItem,
    ResultItem,
)
from ovglm_serve.translate.asks import ANY_OBJECT
from ovglm_serve.translate.sampling import LONGEST
from ovglm_serve.translate.tools import check_choice, check_names

__all__ = ["blame_fields", "to_response_ask"]

# What the fields are called here that other parts blame by their names in a chat request.
_FIELDS: Mapping[str | None, str] = {"messages": "input", "response_format": "text.format"}
# A message, and what it is called in the request.
_Placed = tuple[Message, Place]
_ROLES: Mapping[str, Role] = {"developer": "system", "system": "system", "user": "user"}


@contextmanager
def blame_fields() -> Iterator[None]:
    """Let errors that are raised inside name the fields of this request."""
    try:
        yield
    except ApiError as error:
        error.param = _FIELDS.get(error.param, error.param)
        raise


def to_response_ask(request: ResponseRequest, recommended: Sampling) -> Ask:
    """Translate a request; recommended: the model's own sampling. Raises ApiError."""
    _refuse_unsupported(request)
    effort = request.reasoning.effort if request.reasoning else None
    messages = _to_messages(request)
    return Ask(
        model=request.model,
        messages=tuple(message for message, _ in messages),
        places=tuple(place for _, place in messages),
        pictures=tuple(_to_pictures(request, [place.name for _, place in messages])),
        sampling=_to_sampling(request, recommended),
        tools=_to_tools(request.tools or ()),
        tool_choice=_to_choice(request),
        parallel=request.parallel_tool_calls is not False,
        schema=_to_schema(request),
        thinks=None if effort is None else effort != "none",
        thinks_field="reasoning.effort",
        is_streamed=bool(request.stream),
    )


def _refuse_unsupported(request: ResponseRequest) -> None:
    for name, field in Refused.model_fields.items():
        value = getattr(request, name)
        if value is not None and (name not in NEUTRAL or not _is_same(value, NEUTRAL[name])):
            text = f"'{name}' is not supported: {field.description}"
            raise ApiError(400, text, param=name, code="unsupported_parameter")
    if request.stream_options is not None and not request.stream:
        text = "'stream_options' needs 'stream' to be true"
        raise ApiError(400, text, param="stream_options", code="invalid_value")


def _is_same(value: object, other: object) -> bool:
    """Compare without taking 0 for false."""
    return type(value) is type(other) and value == other


def _to_sampling(request: ResponseRequest, recommended: Sampling) -> Sampling:
    sampling = replace(recommended, max_new_tokens=LONGEST)
    given = {
        "max_output_tokens": ("max_new_tokens", request.max_output_tokens),
        "temperature": ("temperature", request.temperature),
        "top_p": ("top_p", request.top_p),
    }
    for param, (name, value) in given.items():
        if value is not None:
            values: dict[str, Any] = {name: value}
            with as_refusal(param, "invalid_value"):
                sampling = replace(sampling, **values)
    return sampling


def _to_tools(tools: Sequence[FunctionTool]) -> tuple[Mapping[str, Any], ...]:
    check_names([tool.name for tool in tools], "name")
    return tuple(
        {"type": "function", "function": tool.model_dump(exclude_none=True, exclude={"type"})}
        for tool in tools
    )


def _to_choice(request: ResponseRequest) -> ToolChoice:
    choice = request.tool_choice or "auto"
    named = NamedTool(choice.name) if isinstance(choice, NamedFunction) else choice
    return check_choice(named, [tool.name for tool in request.tools or ()])


def _to_schema(request: ResponseRequest) -> Mapping[str, Any] | None:
    match request.text.format if request.text else None:
        case FlatSchemaFormat(schema_=schema):
            return schema
        case JsonFormat():
            return ANY_OBJECT
        case _:
            return None


@dataclass
class _Turn:
    """What the model said in one turn; here that is several items, elsewhere one message."""

    at: str
    thought: str = ""
    text: str | None = None
    calls: tuple[ToolCall, ...] = ()
    calls_at: tuple[str, ...] = ()

    def message(self) -> _Placed:
        message = Message("assistant", self.text or "", tool_calls=self.calls, thought=self.thought)
        return message, Place(self.calls_at[0] if self.calls_at else self.at, self.calls_at)


def _to_messages(request: ResponseRequest) -> tuple[_Placed, ...]:
    head = ()
    if request.instructions:
        head = ((Message("system", request.instructions), Place("instructions")),)
    if isinstance(request.input, str):
        return (*head, (Message("user", request.input), Place("input")))
    return (*head, *_join_turns(request.input))


def _join_turns(items: Sequence[InputItem]) -> Iterator[_Placed]:
    """Put the items of each of the model's turns together: a thought, a text, and calls."""
    turn: _Turn | None = None
    for number, item in enumerate(items):
        at = f"input[{number}]"
        if turn is not None and not _goes_on(turn, item):
            yield turn.message()
            turn = None
        match item:
            case ReasoningItem():
                turn = _Turn(at, thought="\n".join(part.text for part in item.content or ()))
            case MessageItem(role="assistant"):
                turn = replace(turn or _Turn(at), text=_text_of(item.content))
            case CallItem():
                turn = turn or _Turn(at)
                call = ToolCall(item.name, item.arguments, id=item.call_id)
                turn = replace(turn, calls=(*turn.calls, call), calls_at=(*turn.calls_at, at))
            case ResultItem():
                message = Message("tool", _text_of(item.output), tool_call_id=item.call_id)
                yield message, Place(at)
            case MessageItem():
                yield Message(_ROLES[item.role], _text_of(item.content)), Place(at)
    if turn is not None:
        yield turn.message()


def _goes_on(turn: _Turn, item: InputItem) -> bool:
    """Say whether the item belongs to the turn: a thought begins one, a text is before calls."""
    if isinstance(item, CallItem):
        return True
    is_said = isinstance(item, MessageItem) and item.role == "assistant"
    return is_said and turn.text is None and not turn.calls


def _text_of(content: str | Sequence[InputPart | PicturePart]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, InputPart))


def _to_pictures(request: ResponseRequest, places: Sequence[str]) -> Iterator[NamedPicture]:
    """List the pictures. places: what the messages are called that the input came to."""
    for number, item in enumerate(request.input):
        if not isinstance(item, MessageItem):
            continue
        for place, part in enumerate(item.content):
            if isinstance(part, PicturePart):
                at, name = f"input[{number}]", f"input[{number}].content[{place}]"
                if item.role != "user":
                    text = f"'{name}': a picture is read in a user's message only"
                    raise ApiError(400, text, param=name, code="invalid_value")
                yield NamedPicture(places.index(at), part.image_url, name, f"{name}.image_url")
