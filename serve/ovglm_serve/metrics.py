"""The figures that /metrics tells, of one app: counted here, read from the engines at each scrape.

Tests build many apps in one process, so each has a registry of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ovglm.engine.base import Counters
from ovglm.messages import Chunk

__all__ = ["Metrics", "ModelReading", "Stopwatch"]

_FIRST_TOKEN_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 180)
_INTER_TOKEN_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2.5)
_STATES = ("unloaded", "loading", "ready", "restarting", "down")


@dataclass(frozen=True)
class ModelReading:
    """One model at the moment of a scrape. open: requests that it has, waiting and running."""

    name: str
    state: str
    open: int
    counters: Counters | None


class Metrics:
    """All figures of one app."""

    def __init__(self, read_models: Callable[[], Iterable[ModelReading]]) -> None:
        """read_models: gives the state of the models, in the thread of the scrape."""
        self.registry = CollectorRegistry()
        self.registry.register(_Models(read_models))
        self._requests = self._counter(
            "ovglm_requests", "Answered HTTP requests", "method", "route", "status"
        )
        self._prompt = self._counter("ovglm_prompt_tokens", "Tokens of prompts", "model")
        self._pictures = self._counter("ovglm_pictures", "Pictures in prompts", "model")
        self._generated = self._counter("ovglm_generated_tokens", "Tokens of answers", "model")
        self._aborted = self._counter(
            "ovglm_aborted_requests", "Answers that ended before their end", "model"
        )
        self._first_token = self._histogram(
            "ovglm_time_to_first_token_seconds",
            "From the prompt to its first token",
            _FIRST_TOKEN_S,
        )
        self._inter_token = self._histogram(
            "ovglm_inter_token_seconds", "Between one token and the next", _INTER_TOKEN_S
        )

    def count_request(self, method: str, route: str, status: int) -> None:
        """Count an HTTP request at its end. route: the pattern, so that there are few."""
        self._requests.labels(method, route, str(status)).inc()

    def start(
        self, model: str, prompt_tokens: int, parts: int, *, pictures: int = 0
    ) -> "Stopwatch":
        """Count a prompt; return what times its answers, `parts` of them."""
        self._prompt.labels(model).inc(prompt_tokens)
        self._pictures.labels(model).inc(pictures)
        return Stopwatch(
            parts,
            on_first=self._first_token.labels(model).observe,
            on_next=self._inter_token.labels(model).observe,
            on_tokens=self._generated.labels(model).inc,
            on_abort=self._aborted.labels(model).inc,
        )

    def show(self) -> bytes:
        """Write all figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, ("model",), buckets=bounds, registry=self.registry)


class Stopwatch:
    """Times one request's answers as they are read. Used in one thread at a time."""

    def __init__(
        self,
        parts: int,
        *,
        on_first: Callable[[float], object],
        on_next: Callable[[float], object],
        on_tokens: Callable[[int], object],
        on_abort: Callable[[], object],
    ) -> None:
        self._on_first = on_first
        self._on_next = on_next
        self._on_tokens = on_tokens
        self._on_abort = on_abort
        self._parts_left = parts
        self._start = perf_counter()
        self._last: dict[int, float] = {}
        self._is_stopped = False
        self._stopping = Lock()

    @property
    def is_finished(self) -> bool:
        """Whether all answers came to their end."""
        return not self._parts_left

    def note(self, chunk: Chunk) -> None:
        """Note a chunk: a pause between two chunks is shared out among the tokens of the second."""
        count = len(chunk.token_ids)
        if count:
            now = perf_counter()
            self._on_tokens(count)
            if not self._last:
                self._on_first(now - self._start)
            if chunk.index in self._last:
                for _ in range(count):
                    self._on_next((now - self._last[chunk.index]) / count)
            self._last[chunk.index] = now
        if chunk.finish_reason is not None:
            self._parts_left -= 1
            if chunk.finish_reason == "cancelled":
                self._abort()

    def stop(self) -> None:
        """Note that nothing more is read; answers that are not finished are aborted ones."""
        if self._parts_left:
            self._abort()

    def _abort(self) -> None:
        with self._stopping:
            is_news, self._is_stopped = not self._is_stopped, True
        if is_news:
            self._on_abort()


class _Models(Collector):
    """Reads the engines at each scrape."""

    def __init__(self, read_models: Callable[[], Iterable[ModelReading]]) -> None:
        self._read_models = read_models

    def describe(self) -> list[Metric]:
        """Tell nothing yet: the registry asks before there are models."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the gauges of all models."""
        open_requests = _gauge("ovglm_open_requests", "Requests in the server")
        running = _gauge("ovglm_running_requests", "Requests that make tokens")
        waiting = _gauge("ovglm_queue_depth", "Requests that wait for their turn")
        usage = _gauge("ovglm_cache_usage_ratio", "Part of the KV cache in use, from 0 to 1")
        size = _gauge("ovglm_cache_bytes", "Size of the KV cache")
        state = GaugeMetricFamily(
            "ovglm_model_state", "1 for the state that a model is in", labels=("model", "state")
        )
        for model in self._read_models():
            counters = model.counters or Counters()
            label = (model.name,)
            open_requests.add_metric(label, model.open)
            running.add_metric(label, counters.running)
            # those that wait for the model to be loaded are not known to any engine
            waiting.add_metric(label, max(counters.waiting, model.open - counters.running))
            usage.add_metric(label, counters.cache_usage)
            size.add_metric(label, counters.cache_bytes)
            for one in _STATES:
                state.add_metric((model.name, one), float(one == model.state))
        yield from (open_requests, running, waiting, usage, size, state)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=("model",))
