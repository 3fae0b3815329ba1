"""How many requests one model takes, and when a client is told to come again."""

import pytest

from ovglm_serve.limits import Gate, QueueFull


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_request_more_than_allowed_is_refused_until_one_is_over() -> None:
    gate = Gate("nano", 2)
    leave = gate.enter()
    gate.enter()
    with pytest.raises(QueueFull, match="nano is busy: 2 requests"):
        gate.enter()
    assert gate.open == 2
    leave()
    gate.enter()
    assert gate.open == 2


@pytest.mark.parametrize(
    ("limit", "took_s", "wanted_s"),
    # with `limit` requests open one of them ends every took / limit seconds
    [(1, 8.0, 8), (4, 8.0, 2), (4, 0.5, 1), (1, 500.0, 60)],
)
def test_the_time_to_come_again_is_when_the_next_request_is_over(
    limit: int, took_s: float, wanted_s: int
) -> None:
    clock = Clock()
    gate = Gate("nano", limit, clock)
    leave = gate.enter()
    clock.now += took_s
    leave()
    for _ in range(limit):
        gate.enter()
    with pytest.raises(QueueFull) as caught:
        gate.enter()
    assert caught.value.retry_after_s == wanted_s


def test_before_anything_is_over_the_guess_is_a_second() -> None:
    gate = Gate("nano", 1)
    gate.enter()
    assert gate.retry_after_s == 1
