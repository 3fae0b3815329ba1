"""The input line, driven by the keys that a person presses."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from ovglm.chat.commands import COMMANDS
from ovglm.chat.conversation import Conversation
from ovglm.chat.prompt import CommandCompleter, PromptReader
from ovglm.chat.saved import save_conversation, saved_path
from ovglm.errors import OvglmError


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as source:
        yield source


def _reader(
    keys: PipeInput, home: Path, remark: Callable[[str], None] = lambda _: None
) -> PromptReader:
    return PromptReader(
        home / "chat_history", lambda: "nano · CPU", remark, source=keys, output=DummyOutput()
    )


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("hello\r", "hello"),
        ("one\x1b\rtwo\r", "one\ntwo"),
        ("one\\\rtwo\r", "one\ntwo"),
        ("\x1b[200~pasted\ntext\n\x1b[201~ and more\r", "pasted\ntext\n and more"),
        ("helo\x1b[Dl\r", "hello"),
        ("你好\r", "你好"),
        ("\r", ""),
        ("half a line\x03whole\r", "whole"),
    ],
    ids=["enter", "alt-enter", "backslash", "paste", "arrows", "chinese", "empty", "ctrl-c"],
)
def test_keys_become_a_message(keys: PipeInput, home: Path, typed: str, message: str) -> None:
    keys.send_text(typed)
    assert _reader(keys, home).read() == message


def test_ctrl_c_on_an_empty_line_tells_how_to_leave(keys: PipeInput, home: Path) -> None:
    remarks: list[str] = []
    keys.send_text("half\x03\x03whole\r")
    assert _reader(keys, home, remarks.append).read() == "whole"
    assert remarks == ["Ctrl-D or /exit leaves"]


def test_ctrl_d_ends_the_chat(keys: PipeInput, home: Path) -> None:
    keys.send_text("\x04")
    with pytest.raises(EOFError):
        _reader(keys, home).read()


def test_arrow_up_brings_back_what_an_earlier_session_typed(home: Path) -> None:
    for typed, message in (("first\rsecond\r", "first"), ("\x1b[A\x1b[A\r", "first")):
        with create_pipe_input() as keys:
            reader = _reader(keys, home)
            keys.send_text(typed)
            assert reader.read() == message
            if typed.startswith("first"):
                assert reader.read() == "second"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_the_history_is_for_this_user_only(keys: PipeInput, home: Path) -> None:
    _reader(keys, home)
    assert os.stat(home / "chat_history").st_mode & 0o077 == 0


def test_a_history_that_cannot_be_written_is_refused(keys: PipeInput, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OvglmError, match="history"):
        _reader(keys, tmp_path / "file")


def _completions(text: str) -> list[str]:
    document = Document(text, len(text))
    return [one.text for one in CommandCompleter().get_completions(document, CompleteEvent())]


def test_commands_and_saved_names_are_completed() -> None:
    assert _completions("/re") == ["/reset", "/retry"]
    assert len(_completions("/")) == len(COMMANDS)
    assert _completions("hello") == []
    save_conversation(saved_path("friday"), Conversation().ask("?").answer("!"), "nano")
    assert _completions("/load f") == ["friday"]
    assert _completions("/load x") == []
