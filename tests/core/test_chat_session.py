"""A conversation with a model: what it reads, what stays, and what is refused."""

import pytest

from ovglm.assistant import Assistant
from ovglm.chat.session import Session
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from talking import FAILS, ScriptedEngine, prompts, talking_assistant


def _session(*answers: str, system: str = "", context: int = 4096) -> Session:
    assistant = talking_assistant(*answers, context=context)
    return Session(lambda _: assistant, Sampling(), system)


def _engine(session: Session) -> ScriptedEngine:
    assert isinstance(session.assistant.engine, ScriptedEngine)
    return session.assistant.engine


def test_the_model_reads_all_that_was_said_before() -> None:
    session = _session("Paris.", "Two million.", system="Be brief.")
    assert "".join(session.ask("Capital of France?")) == "Paris."
    assert "".join(session.ask("And its people?")) == "Two million."
    assert prompts(session.assistant)[1] == (
        "<|system|>\nBe brief.<|user|>\nCapital of France?<|assistant|>\nParis."
        "<|user|>\nAnd its people?<|assistant|>"
    )


def test_a_session_knows_its_figures() -> None:
    session = _session("four", "seventy")
    list(session.ask("?"))
    list(session.ask("?"))
    assert session.usage and session.usage.reply_tokens == 7
    assert (session.totals.answers, session.totals.reply_tokens) == (2, 11)
    assert session.context_used == len(_engine(session).requests[1][0]) + 7
    assert session.finish_reason == "stop"
    assert session.status().startswith(f"fake · CPU · {session.context_used} of 4,096 tokens")


def test_retry_asks_the_same_again_without_the_old_answer() -> None:
    session = _session("one", "two", "three")
    list(session.ask("first"))
    list(session.ask("second"))
    assert "".join(session.retry()) == "three"
    assert prompts(session.assistant)[2] == prompts(session.assistant)[1]
    assert [turn.content for turn in session.conversation.turns] == [
        "first",
        "one",
        "second",
        "three",
    ]


def test_retry_takes_another_seed_each_time() -> None:
    session = _session("one")
    session.sampling = Sampling(temperature=1.0, seed=7)
    list(session.ask("?"))
    list(session.retry())
    list(session.retry())
    assert [sampling.seed for _, sampling in _engine(session).requests] == [7, 8, 9]


def test_nothing_can_be_retried_before_something_was_asked() -> None:
    with pytest.raises(OvglmError, match="nothing was asked"):
        _session("one").retry()


def test_what_came_before_an_interruption_stays_and_the_engine_is_told() -> None:
    session = _session("a long answer", "next")
    pieces = session.ask("?")
    assert next(pieces) + next(pieces) == "a "
    pieces.close()
    assert _engine(session).cancelled >= 1
    assert [turn.content for turn in session.conversation.turns] == ["?", "a "]
    assert "".join(session.ask("and?")) == "next"


def test_an_interruption_before_the_first_piece_leaves_nothing() -> None:
    session = _session("answer")
    pieces = session.ask("?")
    pieces.close()
    assert session.conversation.turns == ()


def test_an_empty_answer_is_an_answer() -> None:
    session = _session("")
    assert list(session.ask("?")) == []
    assert [turn.content for turn in session.conversation.turns] == ["?", ""]


def test_after_an_error_the_conversation_is_as_before() -> None:
    session = _session("one", f"tw{FAILS}", "three")
    list(session.ask("first"))
    before = session.conversation
    with pytest.raises(OvglmError, match="stumbled"):
        list(session.ask("second"))
    assert session.conversation == before
    assert "".join(session.ask("third")) == "three"


def test_a_full_context_is_refused_with_both_numbers_and_the_way_out() -> None:
    session = _session("x" * 20, context=54)
    list(session.ask("first question"))
    before = session.conversation
    with pytest.raises(OvglmError, match=r"has \d+ tokens now; CPU takes 53") as caught:
        list(session.ask("second question"))
    assert caught.value.hint and caught.value.hint.startswith("/reset")
    assert session.conversation == before
    assert len(_engine(session).requests) == 1


def test_a_question_that_fits_in_no_conversation_is_refused_by_itself() -> None:
    with pytest.raises(OvglmError, match="the prompt has 102 tokens") as caught:
        list(_session("x", context=60).ask("y" * 99))
    assert caught.value.hint and "/reset" not in caught.value.hint


class Garage:
    """Loads fake assistants and remembers them; some devices do not work."""

    def __init__(self, *broken: str) -> None:
        self.loaded: list[Assistant] = []
        self._broken = broken

    def __call__(self, device: str | None) -> Assistant:
        if device in self._broken:
            raise OvglmError(f"there is no {device}")
        if self.loaded:
            assert isinstance(self.loaded[-1].engine, ScriptedEngine)
            assert self.loaded[-1].engine.is_closed, "two models were loaded at once"
        self.loaded.append(talking_assistant("hi", device=device or "CPU"))
        return self.loaded[-1]


def test_a_session_moves_to_another_device_and_keeps_the_conversation() -> None:
    session = Session(Garage(), Sampling())
    list(session.ask("?"))
    session.move("GPU")
    assert session.assistant.engine.info.device == "GPU"
    list(session.ask("!"))
    assert len(session.conversation.turns) == 4


def test_a_device_that_is_not_there_is_refused_before_the_old_one_is_left() -> None:
    def check(device: str) -> None:
        raise OvglmError(f"there is no {device}")

    garage = Garage()
    session = Session(garage, Sampling(), check_device=check)
    with pytest.raises(OvglmError, match="no TPU"):
        session.move("TPU")
    assert len(garage.loaded) == 1 and not _engine(session).is_closed


def test_where_the_other_device_fails_the_old_one_goes_on() -> None:
    session = Session(Garage("NPU"), Sampling())
    with pytest.raises(OvglmError, match="no NPU"):
        session.move("NPU")
    assert session.assistant.engine.info.device == "CPU"
    assert list(session.ask("?")) == ["h", "i"]


def test_closing_frees_the_model() -> None:
    session = _session("hi")
    session.close()
    assert _engine(session).is_closed
