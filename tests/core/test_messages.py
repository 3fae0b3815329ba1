"""Sampling refuses values that no engine can honour, and usage figures are plain arithmetic."""

import dataclasses
import math

import pytest

from ovglm.errors import OvglmError
from ovglm.messages import Message, Sampling, Usage


def test_default_sampling_is_greedy() -> None:
    assert Sampling().is_greedy
    assert not Sampling(temperature=0.5).is_greedy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_new_tokens", 0),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", math.nan),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("top_k", -1),
        ("min_p", 1.0),
        ("presence_penalty", -2.1),
        ("frequency_penalty", math.nan),
        ("n", 17),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", math.inf),
        ("seed", -1),
    ],
)
def test_sampling_refuses_a_value_out_of_range(field: str, value: float) -> None:
    with pytest.raises(OvglmError, match=f"{field} is {value}"):
        dataclasses.replace(Sampling(), **{field: value})


def test_usage_counts_decode_speed_without_the_first_token() -> None:
    assert Usage(5, 11, first_token_s=1.0, total_s=2.0).tokens_per_s == pytest.approx(10.0)


def test_usage_has_no_speed_for_a_single_token() -> None:
    assert Usage(5, 1, first_token_s=1.0, total_s=1.0).tokens_per_s is None


def test_messages_cannot_be_changed() -> None:
    message = Message("user", "hi")
    with pytest.raises(dataclasses.FrozenInstanceError):
        message.content = "other"  # type: ignore[misc]
