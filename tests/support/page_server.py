"""A server on a real socket for the tests of the page, with engines that can be made to pause."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

import uvicorn

from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.text import AnswerText
from ovglm.messages import Sampling
from ovglm.vision_facts import VisionFacts
from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.served_model import ServedModel
from ovglm_serve.settings import Settings
from serve_apps import TOKENIZER, ByteEngine

__all__ = ["PAUSE", "PausingEngine", "asked_for", "page_server"]

PAUSE = "\0"


class PausingEngine(ByteEngine):
    """Gives each text up to its PAUSE, and the rest of it when `go` is called."""

    def __init__(
        self, *answers: str, context: int = 4096, vision: VisionFacts | None = None
    ) -> None:
        super().__init__(*answers, context=context, vision=vision)
        self._rests: list[tuple[AnswerText, QueuedAnswer, Sampling, str]] = []

    def go(self) -> None:
        """Finish what has paused."""
        rests, self._rests = self._rests, []
        for text, answer, sampling, rest in rests:
            self._write(text, answer, sampling, rest)
            self._end(text, answer)

    def _fill(self, text: AnswerText, answer: QueuedAnswer, sampling: Sampling) -> None:
        words = self._answers[min(self._given, len(self._answers) - 1)]
        self._given += 1
        first, pause, rest = words.partition(PAUSE)
        self._write(text, answer, sampling, first)
        if pause:
            self._rests.append((text, answer, sampling, rest))
        else:
            self._end(text, answer)

    def _write(
        self, text: AnswerText, answer: QueuedAnswer, sampling: Sampling, words: str
    ) -> None:
        for token in TOKENIZER.encode(words, allow_special=True):
            self._put(text, answer, sampling, token, is_first=False)

    def _end(self, text: AnswerText, answer: QueuedAnswer) -> None:
        if not text.finish_reason:
            answer.put(text.finish("stop"))


def asked_for(engine: ByteEngine) -> Sequence[str]:
    """List the prompts that an engine was given, with their control tokens."""
    return [TOKENIZER.decode(ids, skip_special=False) for ids, _ in engine.requests]


@contextmanager
def page_server(*models: ServedModel, settings: Settings | None = None) -> Iterator[str]:
    """Serve models that are loaded already; give the address of the page."""
    settings = settings or Settings()
    app = create_app(ModelPool.of(*models, settings=settings), settings)
    options = {"log_config": None, "ws": "none", "timeout_graceful_shutdown": 2}
    server = uvicorn.Server(uvicorn.Config(app, **options))
    has_ended = Event()
    # From here on connections wait until the server takes them: nobody has to wait for its start.
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            server.run([listening])
            has_ended.set()

        Thread(target=run, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            assert has_ended.wait(20), "the server does not end"
