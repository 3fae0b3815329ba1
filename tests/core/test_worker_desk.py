"""Requests that are open, and their count, without a worker."""

import pytest

from ovglm.engine.base import Counters
from ovglm.engine.worker.desk import Desk
from ovglm.errors import OvglmError
from ovglm.messages import Chunk, Sampling

ONE = Sampling()


def _ignore(_: int) -> None:
    pass


def test_chunks_reach_their_own_answers() -> None:
    desk = Desk(2)
    (first, left), (second, right) = (desk.take_in([1], ONE, _ignore) for _ in range(2))
    desk.hand_out([(second.request, Chunk((8,))), (first.request, Chunk((7,)))])
    desk.hand_out([(one.request, Chunk(finish_reason="stop")) for one in (first, second)])
    assert [chunk.token_ids for chunk in left] == [(7,), ()]
    assert [chunk.token_ids for chunk in right] == [(8,), ()]


def test_a_request_is_open_until_its_last_part_has_ended() -> None:
    desk = Desk(1)
    message, _ = desk.take_in([1], Sampling(n=2), _ignore)
    assert not desk.hand_out([(message.request, Chunk(finish_reason="stop", index=1))])
    assert len(desk) == 1
    assert desk.hand_out([(message.request, Chunk(finish_reason="length", index=0))])
    assert len(desk) == 0


def test_one_request_too_many_is_refused_with_the_number() -> None:
    desk = Desk(2)
    desk.take_in([1], ONE, _ignore)
    desk.take_in([1], ONE, _ignore)
    with pytest.raises(OvglmError, match="as are allowed: 2"):
        desk.take_in([1], ONE, _ignore)


def test_a_request_withdrawn_ends_all_its_parts_as_cancelled() -> None:
    desk = Desk(1)
    message, answer = desk.take_in([1], Sampling(n=2), _ignore)
    desk.withdraw(message.request)
    assert [chunk.finish_reason for chunk in answer] == ["cancelled", "cancelled"]
    desk.withdraw(message.request)
    assert desk.counters == Counters(submitted=1, cancelled=1, prompt_tokens=1)


def test_late_chunks_of_a_failed_request_are_dropped() -> None:
    desk = Desk(1)
    message, answer = desk.take_in([1], ONE, _ignore)
    desk.fail(message.request, OvglmError("it failed"))
    desk.hand_out([(message.request, Chunk((7,)))])
    with pytest.raises(OvglmError, match="it failed"):
        list(answer)
    assert desk.counters == Counters(submitted=1, failed=1, prompt_tokens=1)


def test_everything_is_counted() -> None:
    desk = Desk(3)
    done, _, _ = (desk.take_in([1, 2], ONE, _ignore)[0] for _ in range(3))
    desk.note(Counters(waiting=1, cache_usage=0.5, cache_bytes=64, finished=9))
    desk.hand_out([(done.request, Chunk((5, 6), finish_reason="stop"))])
    assert desk.counters == Counters(
        submitted=3, finished=1, running=1, waiting=1, prompt_tokens=6, generated_tokens=2,
        cache_usage=0.5, cache_bytes=64,
    )  # fmt: skip


def test_cancel_is_called_with_the_request_s_number() -> None:
    asked: list[int] = []
    desk = Desk(1)
    message, answer = desk.take_in([1], ONE, asked.append)
    answer.cancel()
    assert asked == [message.request]
