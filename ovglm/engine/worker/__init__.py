"""An engine in a process of its own, for servers: a crash there is an error here, and a restart."""

from ovglm.engine.worker.client import WorkerEngine, start_worker
from ovglm.engine.worker.settings import WorkerSettings

__all__ = ["WorkerEngine", "WorkerSettings", "start_worker"]
