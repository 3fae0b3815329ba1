"""What stands in a turn of any dialect: a text, or parts where pictures are in front of it."""

from typing import Any

from ovglm.errors import RequestError
from ovglm.messages import Message

__all__ = ["content_of"]


def content_of(message: Message) -> str | list[dict[str, Any]]:
    """Give the text of a message, or its parts as templates and OpenAI's clients write them.

    {"type": "image"} for each picture, then {"type": "text", "text": …} where there is a text.
    Raises RequestError for pictures in a message of another role than user.
    """
    if not message.pictures:
        return message.content
    if message.role != "user":
        raise RequestError(
            f"a message of role {message.role!r} has a picture", "put it into a user's message"
        )
    texts = [{"type": "text", "text": message.content}] if message.content else []
    return [*({"type": "image"} for _ in message.pictures), *texts]
