"""The life of a worker: started, listened to, started again after a crash, or left down.

One thread does all of it and hands the chunks on; whatever it shares is behind one lock.
"""

from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic
from typing import Literal

from ovglm.engine.base import EngineInfo
from ovglm.engine.worker.desk import Desk
from ovglm.engine.worker.messages import (
    Beat,
    Chunks,
    Failed,
    FromWorker,
    Ready,
    Refusal,
    Refused,
    Said,
    Start,
    Stop,
    ToWorker,
)
from ovglm.engine.worker.process import WorkerProcess
from ovglm.engine.worker.settings import WorkerSettings
from ovglm.engine.worker.watch import Watch
from ovglm.errors import OvglmError

__all__ = ["State", "Supervisor"]

State = Literal["loading", "ready", "restarting", "down"]

_DOCTOR = "ovglm doctor"
_CLOSED = Refusal("OvglmError", "the engine was closed")


class Supervisor:
    """Runs from the moment it is made until `close`, or until the worker is given up.

    `state`, `info`, `why`, `refusal` and `desk` belong to whoever holds `changed`. While the state
    is `ready` all open requests are with the worker, else none is. `refusal` is why it is down.
    """

    def __init__(self, start: Start, settings: WorkerSettings, say: Callable[[str], None]) -> None:
        self.changed = Condition()
        self.desk = Desk(settings.max_requests)
        self.state: State = "loading"
        self.info: EngineInfo | None = None
        self.why = ""
        self.refusal: Refusal | None = None
        self._start = start
        self._settings = settings
        self._say = say
        self._crashes = 0
        self._is_closing = False
        self._process: WorkerProcess | None = None
        self._thread = Thread(target=self._run, name="ovglm-worker", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The worker's process, while there is one."""
        process = self._process
        return process.pid if process else None

    def send(self, message: ToWorker) -> None:
        """Send where the worker is ready; hold `changed`."""
        if self._process is not None and self.state == "ready":
            self._process.send(message)

    def close(self) -> None:
        """Let running requests end for a while, then end the worker, harder and harder."""
        with self.changed:
            self._is_closing = True
            self.refusal = self.refusal or _CLOSED
            self.changed.notify_all()
            if self.state == "ready":
                self.changed.wait_for(self._is_idle, self._settings.drain_s)
                self.send(Stop())
                patience_s = self._settings.stop_s
            else:
                patience_s = 0.0
        self._thread.join(patience_s)
        for end in (WorkerProcess.terminate, WorkerProcess.kill):
            process = self._process
            if process is not None and self._thread.is_alive():
                end(process)
                self._thread.join(self._settings.terminate_s)
        self._thread.join()

    def _is_idle(self) -> bool:
        return not self.desk or self.state != "ready"

    def _run(self) -> None:
        try:
            while self._go_on():
                self._note_end(self._live())
        finally:
            # also where a bug ends this thread: nobody waits for ever
            with self.changed:
                bug = Refusal("OvglmError", "a bug ended the supervision of the worker process")
                self._go_down(self.refusal or bug)

    def _go_on(self) -> bool:
        """Wait before a restart; say whether to (re)start."""
        with self.changed:
            if self._crashes:
                pause_s = self._settings.backoff_s * 2 ** (self._crashes - 1)
                pause_s = min(pause_s, self._settings.longest_backoff_s)
                self.changed.wait_for(lambda: self.refusal is not None, pause_s)
            return self.refusal is None

    def _live(self) -> str:
        """Start the worker, listen until it has ended, and say how it ended."""
        process = WorkerProcess(self._start)
        with self.changed:
            self._process = process
            if self._is_closing:
                process.kill()
        hung = ""
        try:
            hung = self._listen(process)
        finally:
            if hung:
                process.kill()
            end = process.end(self._settings.terminate_s)
            with self.changed:
                self._process = None
        return hung or end

    def _listen(self, process: WorkerProcess) -> str:
        """Take messages until the worker's end of the pipe is closed, or it counts as hung."""
        watch = Watch(self._settings)
        last = monotonic()
        while True:
            if process.wire.poll(self._settings.heartbeat_s):
                try:
                    message = process.wire.receive()
                except EOFError:
                    return ""
                self._take(message)
                watch.hear(is_progress=not isinstance(message, Beat))
            now = monotonic()
            loading, count = self.state != "ready", len(self.desk)
            if why := watch.wait(now - last, is_loading=loading, open_requests=count):
                return why
            last = now

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, Said):
            self._say(message.text)
            return
        with self.changed:
            match message:
                case Chunks(pieces):
                    if self.desk.hand_out(pieces):
                        self._crashes = 0
                case Beat(counters):
                    self.desk.note(counters)
                case Failed(request, refusal):
                    self.desk.fail(request, refusal.to_error())
                case Ready(info):
                    self._become_ready(info)
                case Refused(refusal):
                    self.refusal = self.refusal or refusal
            if self._is_closing:
                self.changed.notify_all()

    def _become_ready(self, info: EngineInfo) -> None:
        self.info, self.state, self.why = info, "ready", ""
        for message in self.desk.messages:
            self.send(message)
        self.changed.notify_all()

    def _note_end(self, end: str) -> None:
        """Decide after the worker's end whether it is started again."""
        with self.changed:
            self._crashes += 1
            if self.refusal is None and self.state == "loading":
                text = f"the worker process could not load the model: {end}"
                self.refusal = Refusal("OvglmError", text, _DOCTOR)
            elif self.refusal is None and self._crashes >= self._settings.max_crashes:
                text = f"the worker process failed {self._crashes} times and stays down: {end}"
                self.refusal = Refusal("OvglmError", text, _DOCTOR)
            if self.refusal is None:
                self.why = end
                self._cut_short(end)
                self.state = "restarting"

    def _cut_short(self, end: str) -> None:
        """Fail the requests that the worker had; those that came while it was away wait on."""
        if self.state == "ready":
            text = f"the worker process failed, and this answer with it: {end}"
            self._fail_all(OvglmError(text, "ask again: the model is being loaded anew"))

    def _go_down(self, refusal: Refusal) -> None:
        self.refusal, self.state, self.why = refusal, "down", refusal.message
        self._fail_all(refusal.to_error())
        self.changed.notify_all()

    def _fail_all(self, error: OvglmError) -> None:
        for message in self.desk.messages:
            self.desk.fail(message.request, error)
