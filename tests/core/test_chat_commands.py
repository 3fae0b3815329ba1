"""What the words with a slash do to a session."""

from pathlib import Path

import pytest

from ovglm.chat.commands import COMMANDS, Outcome, is_command, run_command
from ovglm.chat.session import Session
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from talking import prompts, talking_assistant


@pytest.fixture
def session() -> Session:
    """A session that answers `one`, `two`, `three`."""
    assistant = talking_assistant("one", "two", "three")
    return Session(lambda _: assistant, Sampling())


def _run(session: Session, text: str) -> Outcome:
    outcome = run_command(session, text)
    if outcome.answer is not None:
        list(outcome.answer)
    return outcome


@pytest.mark.parametrize("text", ["/help", "/", "/system Be brief.", "/EXIT", " /save x", "/a\nb"])
def test_a_word_with_a_slash_is_a_command(text: str) -> None:
    assert is_command(text)


@pytest.mark.parametrize("text", ["/etc/hosts is what?", "//", "hello /help", "1/2", "/usr-local"])
def test_a_path_or_a_fraction_is_no_command(text: str) -> None:
    assert not is_command(text)


def test_help_shows_every_command_and_key(session: Session) -> None:
    text = _run(session, "/help").text
    for command in COMMANDS.values():
        assert command.usage in text and command.summary in text
    for key in ("Ctrl-C", "Ctrl-D", "Alt-Enter"):
        assert key in text
    assert max(map(len, text.splitlines())) < 80


@pytest.mark.parametrize(("typed", "hint"), [("/rest", "/reset"), ("/?", "/help"), ("/", "/help")])
def test_an_unknown_command_is_answered_with_the_nearest(
    session: Session, typed: str, hint: str
) -> None:
    with pytest.raises(OvglmError, match="there is no command") as caught:
        run_command(session, typed)
    assert caught.value.hint == hint


def test_system_sets_shows_and_removes_the_instruction(session: Session) -> None:
    assert _run(session, "/system").text == "there is none"
    _run(session, "/system Be brief.\nVery brief.")
    list(session.ask("?"))
    assert prompts(session.assistant)[0].startswith("<|system|>\nBe brief.\nVery brief.<|user|>")
    assert "Be brief." in _run(session, "/system").text
    _run(session, "/system -")
    assert session.conversation.messages[0].role == "user"


def test_reset_forgets_the_turns_and_keeps_the_instruction(session: Session) -> None:
    _run(session, "/system Be brief.")
    list(session.ask("?"))
    _run(session, "/reset")
    assert [message.role for message in session.conversation.messages] == ["system"]
    assert session.context_used == 0


def test_a_saved_conversation_goes_on_after_a_reset(session: Session, tmp_path: Path) -> None:
    list(session.ask("first"))
    saved = session.conversation
    path = tmp_path / "with space.json"
    assert str(path) in _run(session, f"/save {path}").text
    _run(session, "/reset")
    text = _run(session, f"/load {path}").text
    assert session.conversation == saved
    assert "> first" in text and "one" in text
    list(session.ask("second"))
    assert "first" in prompts(session.assistant)[1]


def test_without_a_name_save_takes_the_time_and_load_lists(session: Session, home: Path) -> None:
    assert "nothing is saved" in _run(session, "/load").text
    list(session.ask("?"))
    _run(session, "/save")
    (file,) = (home / "chats").glob("*.json")
    assert file.stem in _run(session, "/load").text


def test_nothing_to_save_is_said(session: Session) -> None:
    with pytest.raises(OvglmError, match="nothing to save"):
        run_command(session, "/save x")


def test_retry_answers_again_and_says_when_that_changes_nothing(session: Session) -> None:
    list(session.ask("?"))
    assert "temperature 0" in _run(session, "/retry").note
    assert session.conversation.turns[-1].content == "two"
    _run(session, "/temperature 0.8")
    assert session.sampling.temperature == 0.8
    assert _run(session, "/retry").note == ""
    assert session.conversation.turns[-1].content == "three"


@pytest.mark.parametrize("value", ["warm", "3", "-1"])
def test_a_wrong_temperature_is_refused(session: Session, value: str) -> None:
    with pytest.raises(OvglmError):
        run_command(session, f"/temperature {value}")
    assert session.sampling.is_greedy


def test_stats_tell_of_the_last_answer_and_of_all(session: Session) -> None:
    assert "0 answers" in _run(session, "/stats").text
    list(session.ask("?"))
    list(session.ask("?"))
    text = _run(session, "/stats").text
    assert f"{session.context_used:,} of 4,096 tokens" in text
    assert "answer 3 tokens" in text and "2 answers, 6 tokens" in text


def test_device_tells_where_the_model_runs_and_why(session: Session) -> None:
    text = _run(session, "/device").text
    assert "CPU: a fake CPU" in text and "why: it was asked for" in text


def test_device_with_a_name_moves_there() -> None:
    session = Session(lambda device: talking_assistant("hi", device=device or "CPU"), Sampling())
    assert "GPU: a fake GPU" in _run(session, "/device GPU").text
    assert session.assistant.engine.info.device == "GPU"


def test_exit_ends_the_chat(session: Session) -> None:
    assert run_command(session, "/exit").is_end
