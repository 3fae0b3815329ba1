"""Which model has to go when memory is short or nobody has used it for a while."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace

import psutil
import pytest

from machines import ARC, CORE_CPU, GB, IRIS, LUNAR_NPU
from ovglm.devices.device import Device
from ovglm.devices.placement import Placement
from ovglm_serve.holds import holding
from ovglm_serve.memory import free_bytes, shares_memory
from ovglm_serve.model_source import ModelSource
from ovglm_serve.pool import ModelPool
from ovglm_serve.settings import Settings
from pool_fakes import PATIENCE_S, Workers

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _room_for(size_gb: float) -> "_Free":
    return _Free(int(size_gb * GB))


class _Free:
    """A machine with so much memory, of which only our models take."""

    def __init__(self, total: int) -> None:
        self._total = total

    def __call__(self, device: Device, loaded: Iterable[Placement]) -> int | None:
        return self._total - sum(one.need.total for one in loaded)


def _states(pool: ModelPool) -> str:
    return " ".join(one.state for one in pool.list())


async def test_the_least_recently_used_model_goes_when_memory_is_short() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source(n, 4) for n in "abc"], clock=clock, free=_room_for(10))
    for name in "aba":
        clock.now += 1
        await pool.get(name)
    assert _states(pool) == "ready ready unloaded"
    await pool.get("c")
    assert _states(pool) == "ready unloaded ready"
    assert workers["b"].is_closed
    assert not workers["a"].is_closed
    await pool.get("b")
    assert _states(pool) == "unloaded ready ready"


async def test_as_many_models_go_as_needed() -> None:
    clock, workers = Clock(), Workers()
    sources = [workers.source("a", 3), workers.source("b", 3), workers.source("c", 9)]
    pool = ModelPool(sources, clock=clock, free=_room_for(10))
    for name in "abc":
        clock.now += 1
        await pool.get(name)
    assert _states(pool) == "unloaded unloaded ready"


async def test_a_model_that_fits_beside_the_others_unloads_none() -> None:
    workers = Workers()
    pool = ModelPool([workers.source(n, 5) for n in "ab"], free=_room_for(10))
    for name in "ab":
        await pool.get(name)
    assert _states(pool) == "ready ready"


async def test_a_request_under_way_keeps_its_model() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source(n, 4) for n in "abc"], clock=clock, free=_room_for(10))
    with holding():
        await pool.get("a")
        clock.now += 1
        await pool.get("b")
        with holding():
            await pool.get("c")
        # nothing could be unloaded: the load itself decides whether it fits
        assert _states(pool) == "ready ready ready"
    clock.now += 1
    await pool.unload_unused()
    assert not workers["a"].is_closed


async def test_a_model_on_a_card_of_its_own_does_not_drive_out_one_in_the_systems_memory() -> None:
    workers = Workers()
    sources = [workers.source("a", 8, CORE_CPU), workers.source("b", 8, ARC)]
    pool = ModelPool(sources, free=lambda device, loaded: 0)
    await pool.get("a")
    await pool.get("b")
    assert _states(pool) == "ready ready"


async def test_where_nothing_tells_the_memory_nothing_is_unloaded() -> None:
    workers = Workers()
    pool = ModelPool([workers.source(n, 8) for n in "ab"], free=lambda device, loaded: None)
    await pool.get("a")
    await pool.get("b")
    assert _states(pool) == "ready ready"


async def test_a_model_nobody_uses_goes_after_the_keep_alive_and_comes_back() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source(n) for n in "ab"], Settings(keep_alive_s=60), clock=clock)
    await pool.get("a")
    clock.now += 30
    await pool.get("b")
    clock.now += 30
    await pool.unload_unused()
    assert _states(pool) == "unloaded ready"
    assert pool.state == "ready"
    await pool.get("a")
    assert workers.count("a") == 2


async def test_the_keep_alive_counts_from_the_end_of_the_last_request() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source("a")], Settings(keep_alive_s=60), clock=clock)
    with holding():
        await pool.get("a")
        clock.now += 100
        await pool.unload_unused()
        assert _states(pool) == "ready"
    clock.now += 59
    await pool.unload_unused()
    assert _states(pool) == "ready"
    clock.now += 1
    await pool.unload_unused()
    assert _states(pool) == "unloaded"


async def test_without_a_keep_alive_models_stay() -> None:
    clock, workers = Clock(), Workers()
    pool = ModelPool([workers.source("a")], clock=clock)
    await pool.get("a")
    clock.now += 1e9
    await pool.unload_unused()
    assert _states(pool) == "ready"


async def test_a_running_server_looks_after_the_keep_alive_itself() -> None:
    workers = Workers()
    pool = ModelPool([workers.source("a")], Settings(keep_alive_s=0.01))
    async with pool.lifespan():
        await pool.wait_until_started()
        assert await asyncio.to_thread(workers["a"].closed.wait, PATIENCE_S)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [(CORE_CPU, IRIS, True), (CORE_CPU, LUNAR_NPU, True), (CORE_CPU, ARC, False), (ARC, ARC, True)],
)
def test_only_a_card_has_memory_of_its_own(one: Device, other: Device, wanted: bool) -> None:
    assert shares_memory(one, other) is wanted


def _placement(device: Device, size_gb: float) -> Placement:
    source: ModelSource = Workers().source("x", size_gb, device)
    assert source.placement
    return source.placement


def test_what_is_free_is_the_least_that_anything_says(monkeypatch: pytest.MonkeyPatch) -> None:
    system = SimpleNamespace(total=32 * GB, available=12 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: system)
    assert free_bytes(CORE_CPU, []) == 12 * GB
    # caches that are promised but not filled yet still look free to the system
    loaded = [_placement(IRIS, 15), _placement(CORE_CPU, 10), _placement(ARC, 10)]
    assert free_bytes(CORE_CPU, loaded) == 7 * GB
    assert free_bytes(ARC, loaded) == 2 * GB
    assert free_bytes(Device("GPU", "x", "discrete GPU"), loaded) is None
