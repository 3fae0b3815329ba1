"""One benchmark from its plan to its report. Knows no device's ways; the engine is handed in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast, get_args

import psutil

from ovglm.bench.loading import LoadEngine, load_cold_and_warm
from ovglm.bench.peak_memory import PeakMemory
from ovglm.bench.plan import Plan
from ovglm.bench.prompts import RandomPrompts
from ovglm.bench.read_speed import measure_read_speed
from ovglm.bench.report import Figures, LoadTimes, ReadSpeed, Report, Workload
from ovglm.bench.runner import measure
from ovglm.bench.setting import machine, versions
from ovglm.bench.subject import Subject
from ovglm.bench.traffic import SMALLEST_TRAFFIC, bandwidth_share, weights_read
from ovglm.devices.device import Device
from ovglm.devices.fit import cache_bytes_per_token
from ovglm.devices.options import CachePrecision, RuntimeOptions
from ovglm.engine.base import Engine, EngineInfo
from ovglm.errors import OvglmError
from ovglm.progress import Progress, Silence

__all__ = ["run_benchmark"]


def run_benchmark(
    subject: Subject,
    load: LoadEngine,
    plan: Plan,
    options: RuntimeOptions,
    *,
    devices: Sequence[Device] = (),
    progress: Progress | None = None,
) -> Report:
    """Load twice, run every workload, and report. The machine should do nothing else meanwhile.

    options: as `plan.fill_in` gives them. devices: those of this machine, to know which of them
    reads the machine's own memory.
    """
    progress = progress or Silence()
    progress.stage("load", 1)
    with PeakMemory() as peak, load_cold_and_warm(load, options) as (engine, times):
        progress.advance()
        info = engine.info
        _check_room(plan.workloads, info)
        figures = _measure_all(engine, plan, RandomPrompts(subject.ids, plan.seed), progress)
    speed = _read_speed(info, options, devices)
    report = replace(_report(subject, info, plan, times, peak.bytes), read_speed=speed)
    why = _why_no_share(subject, info, options, speed)
    if why or speed is None:
        return replace(report, figures=tuple(figures), remarks=(f"memory bandwidth: {why}",))
    shares = (_add_share(one, subject, info, speed) for one in figures)
    return replace(report, figures=tuple(shares))


def _measure_all(
    engine: Engine, plan: Plan, prompts: RandomPrompts, progress: Progress
) -> list[Figures]:
    progress.stage("measure", len(plan.workloads) * (plan.runs + 1))
    return [
        measure(engine, one, prompts, runs=plan.runs, after_run=progress.advance)
        for one in plan.workloads
    ]


def _check_room(workloads: Sequence[Workload], info: EngineInfo) -> None:
    for one in workloads:
        if one.prompt > info.max_prompt or one.prompt + one.output > info.context:
            raise OvglmError(
                f"a prompt of {one.prompt} tokens and an answer of {one.output} do not fit: "
                f"{info.model} on {info.device} takes prompts up to {info.max_prompt} tokens "
                f"and {info.context} in all",
                hint=f"--prompt {max(1, info.context - one.output)} or less, or a larger --context",
            )


def _read_speed(
    info: EngineInfo, options: RuntimeOptions, devices: Sequence[Device]
) -> ReadSpeed | None:
    if any(one.id == info.device and one.type == "discrete GPU" for one in devices):
        return None  # it reads memory of its own
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return measure_read_speed(options.threads or cores)


def _why_no_share(
    subject: Subject, info: EngineInfo, options: RuntimeOptions, speed: ReadSpeed | None
) -> str:
    """Say why the share of the bandwidth would mean nothing; empty where it means something."""
    if speed is None:
        return "this device reads memory of its own"
    if options.draft or options.prompt_lookup:
        return "a step that guesses ahead makes more than one token"
    if _cache_precision(info) not in get_args(CachePrecision):
        return f"the size of a KV cache in {_cache_precision(info)} is not known"
    if weights_read(subject.facts, subject.matrices) < SMALLEST_TRAFFIC:
        return "these weights fit into the processor's caches"
    return ""


def _add_share(figures: Figures, subject: Subject, info: EngineInfo, speed: ReadSpeed) -> Figures:
    plugin = "GPU" if info.device.startswith("GPU") else "CPU"
    precision = cast(CachePrecision, _cache_precision(info))
    weights = weights_read(subject.facts, subject.matrices)
    cache = cache_bytes_per_token(subject.facts, precision, plugin)
    return bandwidth_share(figures, weights, cache, speed)


def _cache_precision(info: EngineInfo) -> str:
    """Give the KV cache's format; where no property names it, the plugin's own."""
    usual = "u8" if info.device == "CPU" else "f16"
    return info.properties.get("KV_CACHE_PRECISION", usual)


def _report(
    subject: Subject, info: EngineInfo, plan: Plan, times: LoadTimes, peak_bytes: int
) -> Report:
    """Describe what ran, without figures."""
    return Report(
        model=subject.facts.name,
        folder=str(subject.facts.folder),
        recipe=subject.facts.recipe,
        device=info.device,
        device_name=info.device_name,
        engine=info.kind,
        is_emulated=info.is_emulated,
        properties=dict(info.properties),
        runs=plan.runs,
        load=times,
        peak_bytes=peak_bytes,
        versions=versions(),
        machine=machine(),
        notes=info.notes,
    )
