"""When a worker counts as hung. Pure arithmetic on seconds; kills nobody.

A heartbeat needs the interpreter's lock, which native code may hold for a step of seconds or a
compilation of minutes, so the limit depends on what the worker does. A beat that needs no lock
would prove only that the process exists. Time is counted in short slices, each cut at its length:
a laptop that was asleep does not make its worker look hung.
"""

from ovglm.engine.worker.settings import WorkerSettings

__all__ = ["Watch"]


class Watch:
    """Counts the seconds without a sign of life and without progress."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._silent_s = 0.0
        self._stalled_s = 0.0

    def hear(self, *, is_progress: bool) -> None:
        """Note a message: a mere heartbeat is a sign of life and no progress."""
        self._silent_s = 0.0
        if is_progress:
            self._stalled_s = 0.0

    def wait(self, elapsed_s: float, *, is_loading: bool, open_requests: int) -> str:
        """Note the passing of time; return why the worker counts as hung, or nothing."""
        slice_s = min(elapsed_s, self._settings.heartbeat_s)
        self._silent_s += slice_s
        self._stalled_s += slice_s
        if is_loading:
            return self._judge(self._stalled_s, self._settings.load_s, "said nothing", "loading")
        if not open_requests:
            self._stalled_s = 0.0
        busy = f"open requests: {open_requests}"
        return self._judge(
            self._silent_s, self._settings.silence_s, "gave no sign of life", busy
        ) or self._judge(self._stalled_s, self._settings.stall_s, "made no token", busy)

    def _judge(self, seconds: float, limit_s: float, what: str, when: str) -> str:
        return f"it {what} for {limit_s:g} s ({when})" if seconds > limit_s else ""
