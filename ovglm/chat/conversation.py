"""The turns of one conversation, as frozen data; knows no model and no file."""

from dataclasses import dataclass, replace

from ovglm.messages import Message
from ovglm.pictures import Picture, pictures_of

__all__ = ["Conversation"]


@dataclass(frozen=True)
class Conversation:
    """A system instruction, empty for none, and turns of user and assistant in alternation.

    Where the assistant called tools, the results and its next turn follow.
    """

    system: str = ""
    turns: tuple[Message, ...] = ()

    @property
    def messages(self) -> list[Message]:
        """Return what a model gets to read."""
        system = [Message("system", self.system)] if self.system else []
        return [*system, *self.turns]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Return the pictures of all turns."""
        return pictures_of(self.turns)

    def ask(self, text: str, pictures: tuple[Picture, ...] = ()) -> "Conversation":
        """Add a user's turn."""
        return replace(self, turns=(*self.turns, Message("user", text, pictures=pictures)))

    def answer(self, text: str) -> "Conversation":
        """Add an assistant's turn."""
        return replace(self, turns=(*self.turns, Message("assistant", text)))

    def split_last(self) -> "tuple[Conversation, Message] | None":
        """Take off the last question and its answer; None where nothing was asked."""
        asked = [number for number, turn in enumerate(self.turns) if turn.role == "user"]
        if not asked:
            return None
        return replace(self, turns=self.turns[: asked[-1]]), self.turns[asked[-1]]
