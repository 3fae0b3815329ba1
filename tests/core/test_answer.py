"""Handing chunks from the thread that makes them to readers in threads and in coroutines."""

import asyncio
from threading import Event, Thread
from time import perf_counter

import pytest

from ovglm.engine.answer import QueuedAnswer
from ovglm.errors import OvglmError
from ovglm.messages import Chunk

WAIT_S = 10.0


class Cancels:
    """Counts how often an answer asked for its end."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def cancels() -> Cancels:
    return Cancels()


def fill(answer: QueuedAnswer, *ids: int) -> None:
    for token in ids:
        answer.put(Chunk((token,)))
    answer.put(Chunk(finish_reason="stop"))


async def read(answer: QueuedAnswer) -> list[int]:
    return [token async for chunk in answer for token in chunk.token_ids]


def test_a_thread_reads_what_another_puts(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    maker = Thread(target=fill, args=(answer, 1, 2, 3))
    maker.start()
    assert [chunk.token_ids for chunk in answer] == [(1,), (2,), (3,), ()]
    maker.join(WAIT_S)
    assert cancels.count == 0


def test_a_coroutine_reads_what_a_thread_puts(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)

    async def start_then_read() -> list[int]:
        maker = Thread(target=fill, args=(answer, 1, 2, 3))
        maker.start()
        ids = await asyncio.wait_for(read(answer), WAIT_S)
        maker.join(WAIT_S)
        return ids

    assert asyncio.run(start_then_read()) == [1, 2, 3]
    assert cancels.count == 0


def test_the_iteration_ends_with_the_last_of_several_answers(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels, parts=2)
    answer.put(Chunk(finish_reason="stop", index=1))
    answer.put(Chunk((5,), index=0))
    answer.put(Chunk(finish_reason="length", index=0))
    assert [chunk.index for chunk in answer] == [1, 0, 0]


def test_an_error_comes_after_the_chunks_before_it(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    answer.put(Chunk((1,)))
    answer.fail(OvglmError("broken"))
    chunks = iter(answer)
    assert next(chunks).token_ids == (1,)
    with pytest.raises(OvglmError, match="broken"):
        next(chunks)
    assert list(answer) == []
    assert cancels.count == 0, "a failed request needs no cancelling"


def test_a_reader_that_breaks_off_cancels(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    fill(answer, 1, 2)
    for _ in answer:
        break
    assert cancels.count == 1


def test_a_cancelled_task_cancels_the_request(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    answer.put(Chunk((1,)))

    async def leave() -> None:
        has_begun = asyncio.Event()

        async def read_on() -> None:
            async for _ in answer:
                has_begun.set()

        task = asyncio.create_task(read_on())
        await asyncio.wait_for(has_begun.wait(), WAIT_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert cancels.count == 1


def test_a_chunk_after_the_loop_has_closed_hurts_nobody(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    loop = asyncio.new_event_loop()
    chunks = aiter(answer)
    first = loop.create_task(anext(chunks))  # type: ignore[arg-type]
    loop.call_soon(answer.put, Chunk((1,)))
    assert loop.run_until_complete(first).token_ids == (1,)
    loop.close()
    answer.put(Chunk((2,)))
    assert cancels.count == 1
    answer.put(Chunk((3,)))
    assert cancels.count == 1


def test_a_maker_waits_until_a_waiting_reader_has_its_chunk(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    got = Event()

    def take() -> None:
        next(iter(answer))
        got.set()

    reader = Thread(target=take)
    reader.start()
    while not answer.is_awaited:
        assert reader.is_alive()
    answer.put(Chunk((1,)))
    answer.release(perf_counter() + WAIT_S)
    assert got.wait(WAIT_S)
    reader.join(WAIT_S)


def test_a_maker_does_not_wait_where_nobody_reads(cancels: Cancels) -> None:
    answer = QueuedAnswer(cancels)
    answer.put(Chunk((1,)))
    start = perf_counter()
    answer.release(start + WAIT_S)
    assert perf_counter() - start < WAIT_S / 2


class Log(list[object]):
    """A sink that writes down what it gets."""

    def put(self, item: object) -> None:
        self.append(item)

    def flush(self) -> None:
        self.append("flush")


def test_a_sink_gets_what_was_put_before_and_what_comes(cancels: Cancels) -> None:
    answer, log = QueuedAnswer(cancels), Log()
    answer.put(Chunk((1,)))
    answer.forward(log)
    answer.put(Chunk((2,)))
    error = OvglmError("broken")
    answer.fail(error)
    assert log == [Chunk((1,)), "flush", Chunk((2,)), "flush", error, "flush"]


def test_a_sink_is_flushed_once_for_all_that_is_put_while_held(cancels: Cancels) -> None:
    answer, log = QueuedAnswer(cancels), Log()
    answer.forward(log)
    log.clear()
    answer.hold()
    answer.put(Chunk((1,)))
    answer.put(Chunk((2,)))
    answer.release(0.0)
    assert log == [Chunk((1,)), Chunk((2,)), "flush"]
