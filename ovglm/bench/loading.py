"""Loads an engine with an empty compiled cache and again from the filled one, and takes times."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ovglm.bench.report import LoadTimes
from ovglm.devices.options import RuntimeOptions
from ovglm.engine.base import Engine

__all__ = ["LoadEngine", "load_cold_and_warm"]

LoadEngine = Callable[[RuntimeOptions], Engine]


@contextmanager
def load_cold_and_warm(
    load: LoadEngine, options: RuntimeOptions
) -> Iterator[tuple[Engine, LoadTimes]]:
    """Give a loaded engine and its two load times; it is closed when the block ends.

    The compiled cache is a new folder for this, inside `options.cache_dir` where that is set: the
    user's own cache stays as it is.
    """
    if not options.cache:
        engine = load(options)
        try:
            yield engine, LoadTimes(engine.info.load_s, None)
        finally:
            engine.close()
        return
    parent = options.cache_dir
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
    # the engine may map the cached files, so the folder goes after it
    with TemporaryDirectory(prefix="ovglm-bench-", dir=parent, ignore_cleanup_errors=True) as new:
        own = replace(options, cache_dir=Path(new))
        cold = load(own)
        cold_s = cold.info.load_s
        cold.close()
        engine = load(own)
        is_warm = engine.info.cache == "warm"
        try:
            yield engine, LoadTimes(cold_s, engine.info.load_s if is_warm else None)
        finally:
            engine.close()
