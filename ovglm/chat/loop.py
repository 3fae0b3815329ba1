"""The course of a chat: read, do or ask, show, until the end. Knows no terminal."""

from collections.abc import Generator
from typing import Protocol

from ovglm.chat.commands import is_command, run_command
from ovglm.chat.session import Session
from ovglm.errors import OvglmError

__all__ = ["Reader", "Screen", "converse"]

NEARLY_FULL = 0.85


class Reader(Protocol):
    """Where the user's messages come from."""

    def read(self) -> str:
        """Give the next message; raise EOFError where no more will come."""
        ...


class Screen(Protocol):
    """Where everything is shown."""

    def answer(self, pieces: Generator[str, None, None]) -> None:
        """Show an answer while it comes."""
        ...

    def say(self, text: str) -> None:
        """Show what a command has to say."""
        ...

    def note(self, text: str) -> None:
        """Show a remark that is no part of an answer."""
        ...

    def fail(self, error: OvglmError) -> None:
        """Show an error and return, or raise it where the chat cannot go on."""
        ...


def converse(session: Session, reader: Reader, screen: Screen) -> None:
    """Chat until /exit or the end of the input."""
    is_over = False
    while not is_over:
        try:
            text = reader.read().strip()
        except EOFError:
            return
        try:
            is_over = _respond(session, text, screen)
        except OvglmError as error:
            screen.fail(error)


def _respond(session: Session, text: str, screen: Screen) -> bool:
    """Do what one message asks for; say whether the chat is over."""
    if not text:
        return False
    if not is_command(text):
        _show_answer(session, session.ask(text), screen)
        return False
    outcome = run_command(session, text)
    if outcome.text:
        screen.say(outcome.text)
    if outcome.note:
        screen.note(outcome.note)
    if outcome.answer is not None:
        _show_answer(session, outcome.answer, screen)
    return outcome.is_end


def _show_answer(session: Session, pieces: Generator[str, None, None], screen: Screen) -> None:
    screen.answer(pieces)
    context = session.assistant.engine.info.context
    if not session.conversation.turns[-1].content:
        screen.note("the answer is empty")
    if session.context_used >= context:
        screen.note(f"the answer ends here: the context of {context:,} tokens is full; try /reset")
    elif session.finish_reason == "length":
        screen.note("the answer ends here, at the limit of --max-new-tokens")
    elif session.context_used >= NEARLY_FULL * context:
        share = session.context_used / context
        screen.note(f"{share:.0%} of the context is used; /reset starts a new conversation")
