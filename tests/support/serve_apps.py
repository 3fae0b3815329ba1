"""Apps without a model, for tests of the API: engines that answer from a list, and a client."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from starlette.testclient import TestClient

from byte_tokens import byte_tokenizer
from ovglm.devices.facts import ModelFacts
from ovglm.dialects import dialect_for
from ovglm.engine.answer import QueuedAnswer
from ovglm.engine.text import AnswerText
from ovglm.messages import FinishReason, Sampling
from ovglm.pictures import Picture
from ovglm.template import ChatTemplate
from ovglm.testing import FakeEngine
from ovglm.vision_facts import VisionFacts
from ovglm_serve.app import create_app
from ovglm_serve.pool import ModelPool
from ovglm_serve.served_model import ServedModel
from ovglm_serve.settings import Settings

__all__ = ["HI", "Api", "ByteEngine", "deltas_of", "events_of", "fake_model", "serve", "tool"]

HI: Mapping[str, Any] = {"model": "fake", "messages": [{"role": "user", "content": "hi"}]}
TOKENIZER = byte_tokenizer()
STOPS = (256, 259, 260)
# GLM-4's manner: tools are a field of a message, a call's name is metadata.
TEMPLATE = (
    "{% for m in messages %}"
    "{% if m.tools %}<|system|>\n{{ m.tools | tojson }}{% endif %}"
    "{% if m.content %}<|{{ m.role }}|>{{ m.metadata or '' }}\n{{ m.content }}{% endif %}"
    "{% endfor %}{% if enable_thinking is defined %}<|system|>\n{{ enable_thinking }}{% endif %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class ByteEngine(FakeEngine):
    """Answer the first question with the first text and so on, the last text again and again.

    It keeps to stops, lengths and n as real engines do.
    stalls: give that many tokens of each answer and then nothing, until the answer is cancelled.
    fails_at: after that many tokens the answer ends with `error`.
    ends_as: the reason of an answer that came to its end. cached: tokens of a known prompt.
    logprob: that of every token. vision: what the model says of the pictures that it takes.
    """

    def __init__(
        self,
        *answers: str,
        context: int = 4096,
        stalls: int | None = None,
        fails_at: int | None = None,
        error: BaseException | None = None,
        ends_as: FinishReason = "stop",
        cached: int = 0,
        logprob: float = -0.5,
        vision: VisionFacts | None = None,
    ) -> None:
        super().__init__(b"", context=context, vision=vision)
        self.asked, self.cancelled = Event(), Event()
        self._answers = answers or ("ok",)
        self._stalls, self._fails_at, self._error = stalls, fails_at, error
        self._ends_as: FinishReason = ends_as
        self._cached = cached
        self._logprob = logprob
        self._given = 0

    def submit(
        self, prompt_ids: Sequence[int], sampling: Sampling, pictures: Sequence[Picture] = ()
    ) -> QueuedAnswer:
        """Answer with the next texts, one for each of n."""
        self.requests.append((tuple(prompt_ids), sampling))
        self.pictures.append(tuple(pictures))
        texts = [AnswerText(TOKENIZER, sampling, STOPS, index) for index in range(sampling.n)]
        answer = QueuedAnswer(lambda: self._cancel(texts, answer), sampling.n)
        for text in texts:
            self._fill(text, answer, sampling)
        self.asked.set()
        return answer

    def _fill(self, text: AnswerText, answer: QueuedAnswer, sampling: Sampling) -> None:
        words = self._answers[min(self._given, len(self._answers) - 1)]
        self._given += 1
        ids = TOKENIZER.encode(words, allow_special=True)
        count = min(sampling.max_new_tokens, len(ids))
        for place, token in enumerate(ids[:count]):
            if place in (self._stalls, self._fails_at):
                break
            self._put(text, answer, sampling, token, is_first=place == 0)
        if self._error is not None:
            answer.fail(self._error)
        elif self._stalls is None and not text.finish_reason:
            answer.put(text.finish("length" if count < len(ids) else self._ends_as))

    def _put(
        self,
        text: AnswerText,
        answer: QueuedAnswer,
        sampling: Sampling,
        token: int,
        *,
        is_first: bool,
    ) -> None:
        chunk = text.push([token], [self._logprob] if sampling.logprobs else ())
        if chunk is not None:
            best = tuple((65 + rank, -0.5 - rank) for rank in range(sampling.top_logprobs))
            answer.put(
                replace(
                    chunk,
                    top_logprobs=(best,) * len(chunk.token_ids) if best else (),
                    cached_tokens=self._cached if is_first else 0,
                )
            )

    def _cancel(self, texts: Sequence[AnswerText], answer: QueuedAnswer) -> None:
        self.cancelled.set()
        for text in texts:
            if not text.finish_reason:
                answer.put(text.finish("cancelled"))


def fake_model(
    engine: FakeEngine,
    name: str = "fake",
    *,
    dialect: str = "glm4",
    folder: Path | None = None,
    template: str = TEMPLATE,
) -> ServedModel:
    """Make a model of an engine, with a tokenizer of bytes."""
    facts = ModelFacts(
        name=name, folder=folder or Path("absent"), weights_bytes=1, layers=1, kv_heads=1,
        head_dim=1, hidden=1, vocabulary=263, context_length=4096, stop_ids=(256,),
        dialect=dialect, fingerprint="f", recipe="int4", vision=engine.info.vision,
    )  # fmt: skip
    speech = TOKENIZER, ChatTemplate(template), dialect_for(dialect)
    return ServedModel(name, facts, engine, *speech)


def events_of(text: str) -> list[Any]:
    """Read the events of a stream; it must be whole."""
    *pieces, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", ""), (done[-300:], rest[-300:])
    assert all(piece.startswith("data: ") for piece in pieces)
    return [json.loads(piece.removeprefix("data: ")) for piece in pieces]


def tool(name: str = "get_weather", **more: Any) -> dict[str, Any]:
    """Describe a function that takes a city."""
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "parameters": city, **more}}


@dataclass
class Api:
    """A client of an app with one model, and that model's engine."""

    client: TestClient
    engine: ByteEngine

    def chat(self, **fields: Any) -> dict[str, Any]:
        """Ask; give the reply, which must be a good one."""
        reply = self.client.post("/v1/chat/completions", json={**HI, **fields})
        assert reply.status_code == 200, reply.text
        return reply.json()

    def say(self, **fields: Any) -> Any:
        """Ask; give the text of the first answer."""
        return self.chat(**fields)["choices"][0]["message"]["content"]

    def stream(self, **fields: Any) -> list[Any]:
        """Ask for a stream; give its events."""
        body = {**HI, "stream": True, **fields}
        reply = self.client.post("/v1/chat/completions", json=body)
        assert reply.status_code == 200, reply.text
        return events_of(reply.text)

    def refuse(self, path: str = "/v1/chat/completions", **fields: Any) -> dict[str, Any]:
        """Ask for what is refused with 400; give the error."""
        return self.refuse_json(fields, path)

    def refuse_json(
        self, fields: Mapping[str, Any], path: str = "/v1/chat/completions"
    ) -> dict[str, Any]:
        """Do the same; a value of `...` leaves a field out."""
        body = {name: value for name, value in {**HI, **fields}.items() if value is not ...}
        headers = {"content-type": "application/json"}
        reply = self.client.post(path, content=json.dumps(body).encode(), headers=headers)
        assert reply.status_code == 400, reply.text
        error = reply.json()["error"]
        assert error["type"] == "invalid_request_error"
        return error

    @property
    def sampling(self) -> Sampling:
        """What the engine was asked last."""
        return self.engine.requests[-1][1]

    @property
    def prompt(self) -> str:
        """What the engine was given to read last."""
        return TOKENIZER.decode(self.engine.requests[-1][0], skip_special=False)


def serve(
    *answers: str,
    engine: ByteEngine | None = None,
    dialect: str = "glm4",
    template: str = TEMPLATE,
    quiet: bool = False,
    **settings: Any,
) -> Api:
    """Serve one model called `fake`. quiet: a bug in the server does not end the test."""
    engine = engine or ByteEngine(*answers)
    options = Settings(**settings)
    pool = ModelPool.of(fake_model(engine, dialect=dialect, template=template), settings=options)
    client = TestClient(
        create_app(pool, options),
        base_url="http://127.0.0.1",
        raise_server_exceptions=not quiet,
    )
    return Api(client, engine)


def deltas_of(events: Sequence[Any], index: int = 0) -> Iterator[Any]:
    """Give the deltas of one answer."""
    for one in events:
        for choice in one["choices"]:
            if choice["index"] == index:
                yield choice["delta"]
