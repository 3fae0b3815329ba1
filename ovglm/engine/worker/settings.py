"""How long a worker process may take for what, and how many requests and crashes it is allowed."""

from dataclasses import dataclass

__all__ = ["WorkerSettings"]


@dataclass(frozen=True)
class WorkerSettings:
    """Limits of one worker process; times in seconds.

    factory: "module:function" that makes the engine in the worker process.
    max_requests: open at once; one more is refused.
    heartbeat_s: how often the worker gives a sign of life.
    load_s: longest silence while it loads: compiling for an NPU takes many minutes.
    silence_s: longest silence after that. One step of the engine may hold the interpreter's lock,
    and then no heartbeat leaves the worker, so this is longer than any step.
    stall_s: longest time without a token for any open request, heartbeats or not; longer than the
    longest prompt takes.
    max_crashes: in a row; then it stays down. backoff_s: wait before the first restart, doubled
    for each further one up to `longest_backoff_s`.
    drain_s: how long `close` lets running requests go on. stop_s: how long the worker may then
    take to free its model, and terminate_s after SIGTERM, before it is killed.
    """

    factory: str = "ovglm.engine.load:load_engine"
    max_requests: int = 256
    heartbeat_s: float = 1.0
    load_s: float = 3600.0
    silence_s: float = 120.0
    stall_s: float = 900.0
    max_crashes: int = 3
    backoff_s: float = 1.0
    longest_backoff_s: float = 30.0
    drain_s: float = 5.0
    stop_s: float = 10.0
    terminate_s: float = 3.0
