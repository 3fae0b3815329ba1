"""A piece of calibration text before it becomes tokens."""

from dataclasses import dataclass

from ovglm.messages import Message

__all__ = ["Document"]


@dataclass(frozen=True)
class Document:
    """One conversation, or one plain text (then `messages` is empty).

    where: how errors name it, `FILE, line 3`. kind and language: set in the built-in texts only.
    """

    where: str
    messages: tuple[Message, ...] = ()
    text: str = ""
    kind: str = ""
    language: str = ""

    @property
    def opens(self) -> bool:
        """Whether it begins with a system message, and so belongs at the start of a prompt."""
        return bool(self.messages) and self.messages[0].role == "system"
