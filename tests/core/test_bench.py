"""A whole benchmark on a fake engine, and the options of `ovglm bench`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from ovglm.bench.benchmark import run_benchmark
from ovglm.bench.loading import load_cold_and_warm
from ovglm.bench.plan import Plan
from ovglm.bench.report import Workload
from ovglm.bench.subject import Subject
from ovglm.cli import bench as command
from ovglm.cli import main
from ovglm.devices.device import Device
from ovglm.devices.facts import ModelFacts
from ovglm.devices.options import RuntimeOptions
from ovglm.errors import OvglmError
from ovglm.testing import FakeEngine

FACTS = ModelFacts(
    name="model", folder=Path("model"), weights_bytes=2_000_000, layers=5, kv_heads=2, head_dim=64,
    hidden=256, vocabulary=2048, context_length=4096, stop_ids=(1,), dialect="glm4",
    fingerprint="", recipe="int4-g128",
)  # fmt: skip
SUBJECT = Subject(FACTS, (), tuple(range(100)))
PLAN = Plan(prompts=(4, 8), outputs=(5,), concurrencies=(1, 2), runs=2)


@pytest.fixture(autouse=True)
def small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the memory with little of it: the figure itself does not matter here."""
    monkeypatch.setattr("ovglm.bench.read_speed.LARGEST_BUFFER", 1 << 24)


class Loader:
    """Gives fake engines, the first of each cache folder cold and the later ones warm."""

    def __init__(self, device: str = "CPU", context: int = 4096) -> None:
        self.engines: list[FakeEngine] = []
        self.options: list[RuntimeOptions] = []
        self._device = device
        self._context = context

    def __call__(self, options: RuntimeOptions) -> FakeEngine:
        cache: Literal["off", "cold", "warm"] = "off"
        if options.cache_dir:
            assert options.cache_dir.is_dir()
            seen = [one.cache_dir for one in self.options]
            cache = "warm" if options.cache_dir in seen else "cold"
        self.options.append(options)
        engine = FakeEngine(range(50), device=self._device, context=self._context)
        load_s = 4.0 if cache == "cold" else 1.0
        engine.info = replace(engine.info, cache=cache, load_s=load_s)
        self.engines.append(engine)
        return engine


def test_every_combination_is_measured_on_an_engine_that_is_closed_at_the_end() -> None:
    load = Loader()
    report = run_benchmark(SUBJECT, load, PLAN, RuntimeOptions())
    measured = [one.workload for one in report.figures]
    assert measured == [Workload(4, 5, 1), Workload(4, 5, 2), Workload(8, 5, 1), Workload(8, 5, 2)]
    assert all(one.total_tokens_s > 0 for one in report.figures)
    assert [engine.is_closed for engine in load.engines] == [True, True]


def test_the_report_says_what_ran_where_with_which_versions() -> None:
    report = run_benchmark(SUBJECT, Loader(), PLAN, RuntimeOptions())
    assert report.remarks == ("memory bandwidth: these weights fit into the processor's caches",)
    assert (report.model, report.recipe, report.device) == ("model", "int4-g128", "CPU")
    assert report.peak_bytes > 1 << 20
    assert report.read_speed is not None and report.read_speed.bytes_s > 1e8
    assert {"ovglm", "openvino", "openvino-genai"} <= set(report.versions)


def test_the_load_is_timed_with_an_empty_and_with_a_filled_cache_of_its_own() -> None:
    load = Loader()
    report = run_benchmark(SUBJECT, load, PLAN, RuntimeOptions())
    assert (report.load.cold_s, report.load.warm_s) == (4.0, 1.0)
    folders = {options.cache_dir for options in load.options}
    assert len(folders) == 1
    assert not any(folder and folder.exists() for folder in folders)


def test_the_folder_of_the_user_holds_the_cache_and_is_left_empty(tmp_path: Path) -> None:
    load = Loader()
    run_benchmark(SUBJECT, load, PLAN, RuntimeOptions(cache_dir=tmp_path / "mine"))
    assert {options.cache_dir and options.cache_dir.parent for options in load.options} == {
        tmp_path / "mine"
    }
    assert list((tmp_path / "mine").iterdir()) == []


def test_without_a_cache_there_is_one_load_and_one_time() -> None:
    load = Loader()
    report = run_benchmark(SUBJECT, load, PLAN, RuntimeOptions(cache=False))
    assert (report.load.cold_s, report.load.warm_s) == (1.0, None)
    assert len(load.engines) == 1


def test_the_engine_is_closed_when_measuring_fails() -> None:
    load = Loader()
    with pytest.raises(RuntimeError), load_cold_and_warm(load, RuntimeOptions()):
        raise RuntimeError
    assert [engine.is_closed for engine in load.engines] == [True, True]


def test_a_workload_without_room_is_refused_before_anything_is_asked() -> None:
    load = Loader(context=10)
    with pytest.raises(OvglmError, match="8 tokens and an answer of 5 do not fit"):
        run_benchmark(SUBJECT, load, PLAN, RuntimeOptions())
    assert [engine.requests for engine in load.engines] == [[], []]


def test_a_discrete_gpu_is_not_held_against_the_memory_of_the_machine() -> None:
    devices = [Device("GPU.1", "Arc B580", "discrete GPU")]
    report = run_benchmark(SUBJECT, Loader("GPU.1"), PLAN, RuntimeOptions(), devices=devices)
    assert report.read_speed is None
    assert report.remarks == ("memory bandwidth: this device reads memory of its own",)


def test_decoding_is_held_against_the_memory_where_the_weights_are_large() -> None:
    large = replace(SUBJECT, facts=replace(FACTS, weights_bytes=1 << 30))
    report = run_benchmark(large, Loader(), PLAN, RuntimeOptions())
    assert all(one.bandwidth_share for one in report.figures)
    assert report.remarks == ()


def test_guessing_ahead_has_no_share_of_the_bandwidth_and_that_is_said() -> None:
    large = replace(SUBJECT, facts=replace(FACTS, weights_bytes=1 << 30))
    report = run_benchmark(large, Loader(), PLAN, RuntimeOptions(prompt_lookup=True))
    assert not any(one.bandwidth_share for one in report.figures)
    assert "more than one token" in report.remarks[0]


def test_the_room_for_the_largest_workload_is_asked_for() -> None:
    options = PLAN.fill_in(RuntimeOptions())
    assert (options.context, options.max_response, options.requests) == (13, 5, 2)


def test_what_the_user_asked_for_stays() -> None:
    options = PLAN.fill_in(RuntimeOptions(context=100, max_response=50, requests=9))
    assert (options.context, options.max_response, options.requests) == (100, 50, 9)


def test_a_context_that_is_too_small_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(OvglmError, match="do not fit into a context of 12") as refusal:
        PLAN.fill_in(RuntimeOptions(context=12))
    assert refusal.value.hint == "--context 13"


def test_lists_of_numbers_are_read_in_their_order_and_once_each() -> None:
    parser = ArgumentParser()
    command.add_arguments(parser)
    options = parser.parse_args(["nano", "--prompt", "512,32,512", "--concurrency", "1, 4"])
    assert options.prompt == (512, 32)
    assert options.concurrency == (1, 4)
    assert options.output == (128,)


@pytest.mark.parametrize("text", ["0", "-3", "many", "1,,2", "1.5", ""])
def test_what_is_no_number_is_a_wrong_use(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", "nano", f"--prompt={text}"])
    assert end.value.code == 2
    assert "is not a whole number from 1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--csv", "absent/x.csv"], ["--plot", "absent/x.png"]])
def test_a_file_that_cannot_be_written_is_refused_first(
    words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "no-such-model", *words]) == 1
    assert "there is no folder" in capsys.readouterr().err
