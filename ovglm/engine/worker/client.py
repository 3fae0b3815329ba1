"""The engine that a server holds: it runs in a worker process, and outlives that process's crashes.

Knows nothing of how the worker is started and watched; see supervisor.py.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ovglm.devices.options import RuntimeOptions
from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.base import Counters, EngineInfo
from ovglm.engine.limits import refuse_pictures
from ovglm.engine.worker.messages import Cancel, Refusal, Start
from ovglm.engine.worker.settings import WorkerSettings
from ovglm.engine.worker.supervisor import State, Supervisor
from ovglm.errors import OvglmError
from ovglm.messages import Sampling
from ovglm.pictures import Picture, prompt_tokens

__all__ = ["WorkerEngine", "start_worker"]

_AT_ONCE_S = 0.5


def _say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def start_worker(
    folder: Path,
    device: str = "AUTO",
    options: RuntimeOptions | None = None,
    *,
    say: Callable[[str], None] = _say_on_stderr,
    settings: WorkerSettings | None = None,
    wait: bool = True,
) -> "WorkerEngine":
    """Load the exported model in `folder` onto `device`, in a process of its own.

    say: gets the lines about what was chosen, in another thread. wait: return when it is loaded,
    or raise OvglmError where it cannot be; without, requests wait and `state` tells.
    A worker that dies in its first load is not started again.
    """
    engine = WorkerEngine(folder, device, options or RuntimeOptions(), settings, say)
    with ExitStack() as on_failure:
        on_failure.callback(engine.close)
        if wait:
            engine.wait_until_loaded()
        on_failure.pop_all()
    return engine


class WorkerEngine:
    """An Engine whose work is done in another process.

    `submit` refuses at once what can be known here; what the engine itself refuses is raised by
    the answer before its first chunk. Requests that come while the worker loads wait for it.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        options: RuntimeOptions,
        settings: WorkerSettings | None = None,
        say: Callable[[str], None] = _say_on_stderr,
    ) -> None:
        settings = settings or WorkerSettings()
        start = Start(
            settings.factory,
            str(folder.absolute()),
            device,
            _absolute(options),
            settings.heartbeat_s,
        )
        self._supervisor = Supervisor(start, settings, say)

    @property
    def state(self) -> State:
        """`loading` at first, `restarting` after a crash, `ready`, or `down` for good."""
        return self._supervisor.state

    @property
    def why(self) -> str:
        """Why it is restarting or down; empty otherwise."""
        return self._supervisor.why

    @property
    def pid(self) -> int | None:
        """The worker's process, while there is one."""
        return self._supervisor.pid

    @property
    def info(self) -> EngineInfo:
        """What runs, where, and why there; waits for the first load."""
        with self._supervisor.changed:
            self._wait_for(lambda: self._supervisor.info is not None)
            if self._supervisor.info is None:
                raise self._refuse()
            return self._supervisor.info

    @property
    def counters(self) -> Counters:
        """What was done so far, in all lives of the worker."""
        with self._supervisor.changed:
            return self._supervisor.desk.counters

    def wait_until_loaded(self) -> None:
        """Return when requests run; raise OvglmError where they never will."""
        with self._supervisor.changed:
            self._wait_for(lambda: self._supervisor.state == "ready")
            if self._supervisor.state != "ready":
                raise self._refuse()

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Start answering; never waits for the worker."""
        with self._supervisor.changed:
            if self._supervisor.refusal is not None:
                raise self._refuse()
            info, desk = self._supervisor.info, self._supervisor.desk
            count = prompt_tokens(prompt_ids, pictures, info.vision if info else None)
            _check_length(count, info)
            if info is not None and info.vision is None:
                refuse_pictures(pictures, info)
            message, answer = desk.take_in(prompt_ids, sampling, self._cancel, pictures, count)
            self._supervisor.send(message)
        return answer

    def close(self) -> None:
        """Let running requests end for some seconds, then end the worker process."""
        self._supervisor.close()

    def _cancel(self, request: int) -> None:
        with self._supervisor.changed:
            if self._supervisor.state == "ready":
                self._supervisor.send(Cancel(request))
            else:
                self._supervisor.desk.withdraw(request)

    def _wait_for(self, is_so: Callable[[], bool]) -> None:
        while not is_so() and self._supervisor.state != "down":
            # an endless wait would not notice Ctrl-C on Windows
            self._supervisor.changed.wait(_AT_ONCE_S)

    def _refuse(self) -> OvglmError:
        refusal = self._supervisor.refusal
        return (refusal or Refusal("OvglmError", "the worker process is down")).to_error()


def _absolute(options: RuntimeOptions) -> RuntimeOptions:
    """Let paths mean the same after a restart in another current folder."""
    draft, cache_dir = options.draft, options.cache_dir
    return replace(
        options,
        draft=draft and draft.absolute(),
        cache_dir=cache_dir and cache_dir.absolute(),
    )


def _check_length(length: int, info: EngineInfo | None) -> None:
    if not length:
        raise OvglmError("the prompt is empty", "give at least one token")
    if info is not None and length > info.max_prompt:
        raise OvglmError(
            f"the prompt has {length} tokens; {info.device} was loaded for {info.max_prompt}",
            "a shorter prompt, or a larger --context",
        )
