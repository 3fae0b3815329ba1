"""A whole chat, in a pipe and on a terminal, with an engine that answers from a list."""

import io
import signal
from collections.abc import Generator

import pytest
from rich.console import Console

from mini_terminal import MiniTerminal
from ovglm.chat.interrupt import Stoppable
from ovglm.chat.loop import converse
from ovglm.chat.plain import PlainReader, PlainScreen
from ovglm.chat.session import Session
from ovglm.chat.terminal import TerminalScreen
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from talking import FAILS, seeing_assistant, talking_assistant


class ListReader:
    """Reads messages from a list."""

    def __init__(self, *messages: str) -> None:
        self._messages = iter(messages)

    def read(self) -> str:
        for message in self._messages:
            return message
        raise EOFError


def _session(*answers: str, context: int = 4096, sampling: Sampling | None = None) -> Session:
    assistant = talking_assistant(*answers, context=context)
    return Session(lambda _: assistant, sampling or Sampling())


def _talk_in_pipe(text: str | bytes, session: Session) -> tuple[str, str]:
    out, remarks = io.StringIO(), io.StringIO()
    raw = text if isinstance(text, bytes) else text.encode()
    converse(session, PlainReader(io.BytesIO(raw)), PlainScreen(out, remarks))
    return out.getvalue(), remarks.getvalue()


def _talk_on_terminal(session: Session, *messages: str) -> str:
    terminal = MiniTerminal(24)
    console = Console(file=terminal, width=80, height=24, force_terminal=True, color_system=None,
                      legacy_windows=False)  # fmt: skip
    converse(session, ListReader(*messages), TerminalScreen(console))
    return terminal.text()


def test_in_a_pipe_each_line_gets_its_answer_and_nothing_else() -> None:
    text, remarks = _talk_in_pipe("one?\n\ntwo?\r\n", _session("# First\n\n**bold**", "second"))
    assert text == "# First\n\n**bold**\nsecond\n"
    assert remarks == ""


def test_in_a_pipe_a_backslash_joins_lines_and_commands_work() -> None:
    session = _session("answer")
    text, _ = _talk_in_pipe("one\\\ntwo\n/stats\n/exit\nnever\n", session)
    assert session.conversation.turns[0].content == "one\ntwo"
    assert text.startswith("answer\ncontext ")
    assert len(session.conversation.turns) == 2


def test_in_a_pipe_an_error_ends_the_chat() -> None:
    with pytest.raises(OvglmError, match="stumbled"):
        _talk_in_pipe("one?\n", _session(f"wor{FAILS}"))
    with pytest.raises(OvglmError, match="no command /rest"):
        _talk_in_pipe("/rest\n", _session("x"))


def test_in_a_pipe_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(OvglmError, match="not UTF-8: byte 0xff"):
        _talk_in_pipe(b"caf\xff\n", _session("x"))


def test_a_cut_answer_says_why() -> None:
    _, remarks = _talk_in_pipe("?\n", _session("long", sampling=Sampling(2)))
    assert "--max-new-tokens" in remarks
    _, remarks = _talk_in_pipe("?\n", _session("x" * 200, context=100, sampling=Sampling(96)))
    assert "the context of 100 tokens is full" in remarks and "/reset" in remarks


def test_a_context_that_is_nearly_full_is_said_before_it_is() -> None:
    _, remarks = _talk_in_pipe("?\n", _session("x" * 90, context=100))
    assert remarks.startswith("94% of the context is used; /reset")


def test_on_a_terminal_answers_are_drawn_as_markdown() -> None:
    text = _talk_on_terminal(_session("# First\n\n**bold** <b>"), "hello")
    assert "First\n\nbold <b>" in text and "#" not in text and "**" not in text


def test_on_a_terminal_an_error_is_shown_and_the_chat_goes_on() -> None:
    session = _session(f"wor{FAILS}", "fine")
    text = _talk_on_terminal(session, "one?", "/rest", "two?", "/exit", "never")
    assert "the engine stumbled\ntry: ovglm doctor" in text
    assert "there is no command /rest\ntry: /reset" in text
    assert "fine" in text
    assert [turn.content for turn in session.conversation.turns] == ["two?", "fine"]


def test_what_a_terminal_would_obey_is_not_written_to_it() -> None:
    session = _session("a\x1b]0;title\x07b")
    text = _talk_on_terminal(session, "hello")
    assert "a]0;titleb" in text


def test_the_welcome_of_a_model_that_sees_tells_how_to_show_it_a_picture() -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, width=80, force_terminal=True, legacy_windows=False)
    TerminalScreen(console).welcome(seeing_assistant("x", context=131_072).engine.info)
    first = terminal.getvalue().splitlines()[0]
    assert "/image FILE adds a picture · /help tells more" in first


def test_the_welcome_names_the_context_and_the_help() -> None:
    terminal = MiniTerminal(24)
    console = Console(file=terminal, width=80, force_terminal=True, legacy_windows=False)
    TerminalScreen(console).welcome(_session("x").assistant.engine.info)
    text = terminal.text()
    assert "4,096 tokens of context" in text and "/help" in text and "Ctrl-D" in text


def _pieces(*texts: str, ctrl_c_before: int) -> Generator[str, None, None]:
    for number, text in enumerate(texts):
        if number == ctrl_c_before:
            signal.raise_signal(signal.SIGINT)
        yield text


def test_ctrl_c_ends_the_wait_for_the_next_piece() -> None:
    stoppable = Stoppable(_pieces("a", "b", "c", ctrl_c_before=1))
    before = signal.getsignal(signal.SIGINT)
    assert list(stoppable) == ["a"]
    assert stoppable.was_stopped
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_never_breaks_off_the_drawing() -> None:
    closed: list[bool] = []

    def pieces() -> Generator[str, None, None]:
        try:
            yield from ("a", "b")
        finally:
            closed.append(True)

    stoppable = Stoppable(pieces())
    drawn = []
    for piece in stoppable:
        signal.raise_signal(signal.SIGINT)
        drawn.append(piece)
    assert drawn == ["a"] and stoppable.was_stopped and closed == [True]


def test_without_ctrl_c_all_pieces_come() -> None:
    stoppable = Stoppable(_pieces("a", "b", ctrl_c_before=9))
    assert list(stoppable) == ["a", "b"]
    assert not stoppable.was_stopped


def test_ctrl_c_stops_the_answer_and_not_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    session = _session("a long answer", "fine")
    ask = session.ask

    def interrupted(text: str) -> Generator[str, None, None]:
        pieces = ask(text)
        if text != "one?":
            yield from pieces
            return
        try:
            yield next(pieces)
            signal.raise_signal(signal.SIGINT)
        finally:
            pieces.close()

    monkeypatch.setattr(session, "ask", interrupted)
    text = _talk_on_terminal(session, "one?", "two?")
    assert "a\nstopped" in text and "fine" in text
    assert [turn.content for turn in session.conversation.turns] == ["one?", "a", "two?", "fine"]


def test_in_a_pipe_ctrl_c_ends_the_line_and_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    session = _session("x")
    monkeypatch.setattr(session, "ask", lambda _: _pieces("half", "an", ctrl_c_before=1))
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        converse(session, ListReader("?"), PlainScreen(out, out))
    assert out.getvalue() == "half\n"
