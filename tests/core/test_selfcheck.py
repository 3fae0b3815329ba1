"""What happens where a device computes something else than the CPU did; engines here are fakes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ovglm.devices.device import Device
from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.selfcheck import Comparison, Precision, check_golden, load_checked, needs_check
from ovglm.errors import OvglmError
from ovglm.manifest import Golden
from ovglm.messages import Sampling
from ovglm.pictures import Picture
from ovglm.testing import FakeEngine

GOLDEN = (Golden((1, 2), (5, 6, 7)), Golden((1, 2, 3), (8, 9)))
GPU = Device("GPU", "Intel Arc", "integrated GPU", driver="32.0.1")
RIGHT = {golden.prompt: golden.tokens for golden in GOLDEN}
NEAR = {**RIGHT, (1, 2): (5, 9, 7)}
WRONG = {(1, 2): (5, 9, 7), (1, 2, 3): (0, 0)}
NPU = Device("NPU", "an NPU", "NPU")


class Oracle(FakeEngine):
    """Answers each prompt with the tokens of a table."""

    def __init__(self, table: dict[tuple[int, ...], tuple[int, ...]]) -> None:
        super().__init__([], device="GPU")
        self._table = table

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        self._reply_ids = self._table[tuple(prompt_ids)]
        return super().submit(prompt_ids, sampling)


class Loader:
    """Loads an oracle for each precision, and remembers which were asked for."""

    def __init__(
        self,
        default: dict[tuple[int, ...], tuple[int, ...]],
        f32: dict[tuple[int, ...], tuple[int, ...]],
    ) -> None:
        self.engines: list[Oracle] = []
        self.asked: list[Precision] = []
        self._tables = {"default": default, "f32": f32}

    def __call__(self, precision: Precision) -> Oracle:
        self.asked.append(precision)
        self.engines.append(Oracle(self._tables[precision]))
        return self.engines[-1]


class Lines(list[str]):
    """Collects what is said."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def said() -> Lines:
    return Lines()


def test_golden_tokens_are_asked_for_greedily() -> None:
    oracle = Oracle(RIGHT)
    assert check_golden(oracle, GOLDEN) == Comparison(5, 5)
    assert [sampling for _, sampling in oracle.requests] == [Sampling(3), Sampling(2)]


def test_a_mismatch_names_the_prompt_the_place_and_the_tokens() -> None:
    found = check_golden(Oracle(NEAR), GOLDEN)
    assert str(found) == "3 of 5 golden tokens as on the CPU"
    [one] = found.mismatches
    assert (one.number, one.at) == (1, 1)
    assert str(one) == "golden prompt 1 gives (5, 9, 7), not (5, 6, 7): they part at token 2"


def test_an_answer_that_ends_too_early_is_a_mismatch() -> None:
    found = check_golden(Oracle({**RIGHT, (1, 2): (5, 6)}), GOLDEN)
    assert (found.mismatches[0].at, found.agreed) == (2, 4)


def test_a_golden_prompt_that_is_too_long_for_the_device_is_left_out() -> None:
    oracle = FakeEngine([], context=3)
    assert check_golden(oracle, [Golden((1, 2, 3), (4,))]) == Comparison()
    assert oracle.requests == []


def test_the_cpu_needs_no_check() -> None:
    assert needs_check(GPU)
    assert needs_check(Device("NPU", "an NPU", "NPU"))
    assert not needs_check(Device("CPU", "a CPU", "CPU"))


def test_equal_tokens_are_checked_once_per_device_driver_and_ir(said: Lines) -> None:
    load = Loader(RIGHT, RIGHT)
    engine, notes = load_checked(load, GOLDEN, GPU, "ir", said)
    assert notes == ()
    assert (engine.requests != [], load.asked) == (True, ["default"])
    again, _ = load_checked(load, GOLDEN, GPU, "ir", said)
    assert again.requests == []
    newer = Device("GPU", "Intel Arc", "integrated GPU", driver="32.0.2")
    for device, ir in ((newer, "ir"), (GPU, "another ir")):
        other, _ = load_checked(load, GOLDEN, device, ir, said)
        assert other.requests != []
    assert said == []


def test_a_near_tie_that_turned_is_accepted_and_told(said: Lines) -> None:
    load = Loader(NEAR, WRONG)
    _, notes = load_checked(load, GOLDEN, GPU, "ir", said)
    assert load.asked == ["default"]
    assert notes == ("GPU gives 3 of 5 golden tokens as on the CPU: near ties turn there",)
    again, more = load_checked(load, GOLDEN, GPU, "ir", said)
    assert (again.requests, more) == ([], notes)


def test_wrong_tokens_are_retried_in_float32_which_is_remembered(said: Lines) -> None:
    load = Loader(WRONG, RIGHT)
    engine, notes = load_checked(load, GOLDEN, GPU, "ir", said)
    assert load.asked == ["default", "f32"]
    assert [one.is_closed for one in load.engines] == [True, False]
    assert engine is load.engines[1]
    assert "GPU agrees with the CPU in float32 only" in notes[0]
    assert "1 of 5 golden tokens as on the CPU, golden prompt 1 gives (5, 9, 7)" in said[0]
    again, more = load_checked(load, GOLDEN, GPU, "ir", said)
    assert load.asked == ["default", "f32", "f32"]
    assert (again.requests, more) == ([], notes)


@pytest.mark.parametrize("in_float32", [NEAR, WRONG])
def test_a_difference_in_float32_too_is_an_error_with_the_figures(
    said: Lines, home: Path, in_float32: dict[tuple[int, ...], tuple[int, ...]]
) -> None:
    load = Loader(WRONG, in_float32)
    with pytest.raises(OvglmError) as caught:
        load_checked(load, GOLDEN, GPU, "ir", said)
    message = caught.value.message
    assert "GPU (Intel Arc) computes this model wrongly: in its own precision 1 of 5" in message
    assert f"in float32 {3 if in_float32 is NEAR else 1} of 5 golden tokens" in message
    assert "golden prompt 1 gives (5, 9, 7), not (5, 6, 7)" in message
    assert "--device CPU" in str(caught.value.hint)
    assert all(engine.is_closed for engine in load.engines)
    assert not (home / "selfcheck.json").exists(), "a failure is not remembered: drivers are mended"


def test_an_npu_has_no_float32_to_fall_back_to(said: Lines) -> None:
    load = Loader(WRONG, RIGHT)
    with pytest.raises(OvglmError, match=r"NPU .* computes this model wrongly"):
        load_checked(load, GOLDEN, NPU, "ir", said)
    assert load.asked == ["default"]


def test_without_golden_tokens_nothing_is_compared_and_that_is_said(said: Lines) -> None:
    load = Loader(WRONG, WRONG)
    engine, notes = load_checked(load, (), GPU, "ir", said)
    assert engine.requests == []
    assert "no golden tokens" in notes[0]


def test_a_damaged_memory_means_checking_again(said: Lines, home: Path) -> None:
    load = Loader(RIGHT, RIGHT)
    load_checked(load, GOLDEN, GPU, "ir", said)
    (home / "selfcheck.json").write_text("{broken")
    engine, _ = load_checked(load, GOLDEN, GPU, "ir", said)
    assert engine.requests != []
    assert "default" in (home / "selfcheck.json").read_text()
