"""The chat's input line: history across sessions, several lines, commands completed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from ovglm.chat.commands import COMMANDS
from ovglm.chat.saved import list_saved
from ovglm.errors import OvglmError

__all__ = ["CommandCompleter", "PromptReader"]

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
STYLE = Style.from_dict({"prompt": "bold ansicyan", "bottom-toolbar": "noreverse ansibrightblack"})


class PromptReader:
    """Reads messages from a person. Enter sends; Alt-Enter or a backslash makes a new line."""

    def __init__(
        self,
        history: Path,
        status: Callable[[], str],
        remark: Callable[[str], None],
        *,
        source: Input | None = None,
        output: Output | None = None,
    ) -> None:
        """history: the file of what was typed. status: the text of the line below the input.

        remark: shows a line above it.
        """
        self._remark = remark
        self._prompt: PromptSession[str] = PromptSession(
            [("class:prompt", "› ")],
            multiline=True,
            prompt_continuation="  ",
            key_bindings=_bindings(),
            history=FileHistory(_private_file(history)),
            completer=CommandCompleter(),
            complete_while_typing=Condition(self._is_command),
            bottom_toolbar=lambda: [("class:bottom-toolbar", status())],
            reserve_space_for_menu=len(COMMANDS),
            style=STYLE,
            input=source,
            output=output,
        )

    def read(self) -> str:
        """Give the next message; Ctrl-C clears the line, Ctrl-D on an empty one raises EOFError."""
        while True:
            try:
                return self._prompt.prompt()
            except KeyboardInterrupt:
                if not self._prompt.default_buffer.text:
                    self._remark("Ctrl-D or /exit leaves")

    def _is_command(self) -> bool:
        return self._prompt.default_buffer.text.startswith("/")


class CommandCompleter(Completer):
    """Completes the names of commands; behind /load those of conversations, behind /image files."""

    def __init__(self) -> None:
        self._paths = PathCompleter(file_filter=_may_be_picture, expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Yield what the text before the cursor can become."""
        text = document.text_before_cursor
        if text.startswith("/load "):
            start = text[len("/load ") :]
            for name in list_saved():
                if name.startswith(start):
                    yield Completion(name, -len(start))
        elif text.startswith("/image "):
            typed = text[len("/image ") :].lstrip()
            yield from self._paths.get_completions(Document(typed, len(typed)), complete_event)
        elif text.startswith("/"):
            for name, command in COMMANDS.items():
                if name.startswith(text[1:]):
                    yield Completion(f"/{name}", -len(text), command.usage, command.summary)


def _may_be_picture(name: str) -> bool:
    """Say whether a folder's entry is worth showing: another folder, or a picture by its name."""
    return Path(name).suffix.lower() in PICTURE_ENDINGS or os.path.isdir(name)


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _break_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


def _private_file(path: Path) -> str:
    """Make the file where it is absent, readable by this user only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        raise OvglmError(
            f"{path}, the history of the chat, cannot be written: {error.strerror or error}",
            hint="set OVGLM_HOME to a folder of yours",
        ) from error
    return str(path)
