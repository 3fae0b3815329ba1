"""What a request holds is freed when it is over, whoever took it and whenever."""

import asyncio
from threading import Event

import pytest

from ovglm_serve.holds import hold, holding, request_id


def test_holds_are_freed_in_reverse_at_the_end() -> None:
    freed: list[int] = []
    with holding("req-1"):
        assert hold(lambda: freed.append(1))
        assert hold(lambda: freed.append(2))
        assert request_id() == "req-1"
        assert freed == []
    assert freed == [2, 1]
    assert request_id() == "-"


def test_holds_are_freed_after_an_error_too() -> None:
    freed: list[int] = []
    with pytest.raises(ZeroDivisionError), holding():
        hold(lambda: freed.append(1))
        raise ZeroDivisionError
    assert freed == [1]


def test_outside_a_request_nothing_is_held() -> None:
    freed: list[int] = []
    assert not hold(lambda: freed.append(1))
    assert freed == []


def test_what_tasks_and_threads_of_a_request_hold_is_its_own() -> None:
    freed: list[str] = []

    async def request(name: str) -> None:
        with holding(name):
            await asyncio.create_task(_hold_in_task(name))
            await asyncio.to_thread(hold, lambda: freed.append(f"{name} thread"))

    async def _hold_in_task(name: str) -> None:
        hold(lambda: freed.append(f"{name} task"))

    async def both() -> None:
        await asyncio.gather(request("a"), request("b"))

    asyncio.run(both())
    assert sorted(freed) == ["a task", "a thread", "b task", "b thread"]
    assert freed.index("a thread") < freed.index("a task")


def test_what_a_thread_takes_after_the_request_is_over_is_freed_at_once() -> None:
    freed, may_go_on = [], Event()

    def late() -> None:
        assert may_go_on.wait(20)
        hold(lambda: freed.append(1))

    async def scenario() -> None:
        with holding():
            thread = asyncio.create_task(asyncio.to_thread(late))
            await asyncio.sleep(0)
        assert freed == []
        may_go_on.set()
        await thread

    asyncio.run(scenario())
    assert freed == [1]
