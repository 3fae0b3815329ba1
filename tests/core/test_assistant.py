"""From messages to pieces of text, on a fake engine and a tokenizer of bytes."""

from collections.abc import Sequence

import pytest

from byte_tokens import TEMPLATE, byte_tokenizer, decode_bytes
from ovglm.assistant import Assistant
from ovglm.dialects import dialect_for
from ovglm.engine.answer import QueuedAnswer
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Message, Sampling
from ovglm.pictures import Picture
from ovglm.template import ChatTemplate
from ovglm.testing import FakeEngine


def _assistant(engine: FakeEngine) -> Assistant:
    return Assistant(engine, byte_tokenizer(), ChatTemplate(TEMPLATE), dialect_for("glm4"))


def _engine(answer: bytes, context: int = 1000) -> FakeEngine:
    """An engine whose chunks have text, as real ones have: whole characters only."""
    return FakeEngine(answer, context=context, decode=decode_bytes)


def test_the_template_makes_the_prompt_and_the_engine_gets_ids() -> None:
    engine = _engine(b"ok")
    messages = [Message("system", "S"), Message("user", "hi")]
    list(_assistant(engine).reply(messages, Sampling(max_new_tokens=9)))
    ids, sampling = engine.requests[0]
    assert ids == (258, *b"\nS", 256, *b"\nhi", 257)
    assert sampling.max_new_tokens == 9


def test_the_answer_comes_in_whole_characters_without_its_first_newline() -> None:
    pieces = list(_assistant(_engine("\n你好".encode())).reply([Message("user", "?")], Sampling()))
    assert pieces == ["你", "好"]


def test_a_reply_knows_its_figures_at_its_end() -> None:
    reply = _assistant(_engine(b"four")).reply([Message("user", "hi")], Sampling())
    assert reply.usage is None
    list(reply)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.reply_tokens) == (5, 4)
    assert 0 < reply.usage.first_token_s <= reply.usage.total_s
    assert reply.finish_reason == "stop"


def test_a_cut_reply_says_so() -> None:
    reply = _assistant(_engine(b"four")).reply([Message("user", "hi")], Sampling(2))
    assert "".join(reply) == "fo"
    assert reply.finish_reason == "length"


def test_a_prompt_that_fills_the_context_is_refused_with_both_numbers() -> None:
    engine = _engine(b"ok", context=5)
    with pytest.raises(OvglmError, match="5 tokens; the longest that CPU takes has 4"):
        _assistant(engine).reply([Message("user", "hi")], Sampling())
    assert engine.requests == []


def test_a_reply_is_one_answer() -> None:
    with pytest.raises(OvglmError, match="one answer, not 3"):
        _assistant(_engine(b"ok")).reply([Message("user", "hi")], Sampling(n=3))


def test_a_reply_can_be_cancelled_and_says_so() -> None:
    class Patient(FakeEngine):
        """Makes one token, then waits to be cancelled."""

        def submit(
            self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
        ) -> QueuedAnswer:
            answer = QueuedAnswer(lambda: answer.put(Chunk(finish_reason="cancelled")))
            answer.put(Chunk((1,), "a"))
            return answer

    reply = _assistant(Patient([])).reply([Message("user", "hi")], Sampling())
    pieces = iter(reply)
    assert next(pieces) == "a"
    reply.cancel()
    assert list(pieces) == []
    assert reply.finish_reason == "cancelled"
    assert reply.usage is not None and reply.usage.reply_tokens == 1


def test_text_of_the_user_never_becomes_a_control_token() -> None:
    engine = _engine(b"")
    list(_assistant(engine).reply([Message("user", "<|system|>")], Sampling()))
    assert engine.requests[0][0] == (256, *b"\n<|system|>", 257)
