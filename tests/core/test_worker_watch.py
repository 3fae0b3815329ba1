"""When a worker counts as hung, with the seconds counted by hand."""

from ovglm.engine.worker.settings import WorkerSettings
from ovglm.engine.worker.watch import Watch

SETTINGS = WorkerSettings(heartbeat_s=1, load_s=100, silence_s=5, stall_s=20)


def _wait(watch: Watch, seconds: int, *, is_loading: bool = False, requests: int = 0) -> str:
    """Pass seconds one by one; return the first complaint."""
    said = (watch.wait(1, is_loading=is_loading, open_requests=requests) for _ in range(seconds))
    return next(filter(None, said), "")


def test_loading_may_be_silent_for_long_but_not_for_ever() -> None:
    watch = Watch(SETTINGS)
    assert _wait(watch, 100, is_loading=True) == ""
    assert _wait(watch, 1, is_loading=True) == "it said nothing for 100 s (loading)"


def test_progress_of_loading_starts_the_time_anew() -> None:
    watch = Watch(SETTINGS)
    assert _wait(watch, 60, is_loading=True) == ""
    watch.hear(is_progress=True)
    assert _wait(watch, 100, is_loading=True) == ""


def test_silence_after_loading_is_noticed_with_and_without_requests() -> None:
    assert "no sign of life for 5 s" in _wait(Watch(SETTINGS), 6)
    assert "no sign of life for 5 s (open requests: 2)" in _wait(Watch(SETTINGS), 6, requests=2)


def test_heartbeats_alone_do_not_excuse_a_request_without_tokens() -> None:
    watch = Watch(SETTINGS)
    for _ in range(20):
        watch.hear(is_progress=False)
        assert _wait(watch, 1, requests=1) == ""
    watch.hear(is_progress=False)
    assert "made no token for 20 s (open requests: 1)" in _wait(watch, 1, requests=1)


def test_an_idle_worker_needs_to_make_no_token() -> None:
    watch = Watch(SETTINGS)
    for _ in range(50):
        watch.hear(is_progress=False)
        assert _wait(watch, 1) == ""
    assert _wait(watch, 4, requests=1) == ""


def test_the_sleep_of_a_laptop_is_no_silence() -> None:
    watch = Watch(SETTINGS)
    assert watch.wait(3600, is_loading=False, open_requests=1) == ""
