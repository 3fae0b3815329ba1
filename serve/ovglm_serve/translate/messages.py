"""From the messages of a chat request to Message. Knows no dialect."""

from collections.abc import Sequence

from ovglm.messages import Message, ToolCall
from ovglm_serve.ask import NamedPicture
from ovglm_serve.errors import ApiError
from ovglm_serve.schema.messages import (
    AssistantMessage,
    ChatMessage,
    ImagePart,
    TextPart,
    ToolMessage,
    UserMessage,
)

__all__ = ["to_messages", "to_pictures"]


def to_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Translate a conversation; `developer` is `system`, parts become lines, null is no text."""
    return tuple(_to_message(one, f"messages[{place}]") for place, one in enumerate(messages))


def to_pictures(messages: Sequence[ChatMessage]) -> tuple[NamedPicture, ...]:
    """List the pictures of a conversation."""
    return tuple(
        NamedPicture(number, part.image_url.url, name, f"{name}.image_url.url")
        for number, message in enumerate(messages)
        for place, part in enumerate(message.content or ())
        if isinstance(part, ImagePart) and (name := f"messages[{number}].content[{place}]")
    )


def _to_message(message: ChatMessage, place: str) -> Message:
    text = _text_of(message.content)
    match message:
        case AssistantMessage():
            if message.content is None and not message.tool_calls:
                why = f"'{place}' has neither content nor tool_calls"
                raise ApiError(400, why, param=f"{place}.content", code="invalid_value")
            calls = tuple(
                ToolCall(one.function.name, one.function.arguments, id=one.id)
                for one in message.tool_calls or ()
            )
            thought = message.reasoning_content or ""
            return Message("assistant", text, tool_calls=calls, thought=thought)
        case ToolMessage():
            return Message("tool", text, tool_call_id=message.tool_call_id)
        case UserMessage():
            return Message("user", text)
        case _:
            return Message("system", text)


def _text_of(content: str | Sequence[TextPart | ImagePart] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text for part in content if isinstance(part, TextPart))
