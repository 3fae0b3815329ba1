"""A loaded model as Python code uses it: texts and messages in, answers out, sync and async."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from ovglm.assistant import Assistant, Reply
from ovglm.engine import EngineInfo
from ovglm.errors import OvglmError, RequestError
from ovglm.messages import FinishReason, Message, Sampling, ToolCall, Usage
from ovglm.pictures import Picture, read_picture
from ovglm.sampling import recommended_sampling

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Generated", "LoadedModel"]

Conversation = str | Sequence[Message]
Tools = Sequence[Mapping[str, Any]]
# A path, the bytes of a file, or a picture of Pillow's.
ImageSource = Union[str, Path, bytes, "Image.Image"]
Images = Sequence[ImageSource | Picture]


@dataclass(frozen=True)
class Generated:
    """A finished answer; `str()` of it is its text.

    thought: what the model thought before. tool_calls: the calls that it asks for.
    finish_reason: stop where it came to its end, length where it was cut at the limit.
    usage: tokens of prompt and answer, seconds to the first token and in all.
    """

    text: str
    thought: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    usage: Usage

    def __str__(self) -> str:
        return self.text


class LoadedModel:
    """A model on a device, from `ovglm.load`. Close it, or use it in a `with` block.

    Many answers may be under way at once where the device allows it (CPU and GPU); others wait
    for their turn. Without a `sampling` the checkpoint's own recommendation holds, which is
    `model.sampling`; `dataclasses.replace(model.sampling, seed=1)` changes one thing of it.

    >>> model = ovglm.load("nano", "CPU", say=lambda text: None)
    >>> answer = model.chat("What is the capital of France?", ovglm.Sampling(max_new_tokens=3))
    >>> answer.finish_reason, answer.usage.reply_tokens
    ('length', 3)
    >>> model.close()
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._is_closed = False
        self.sampling = recommended_sampling(Path(assistant.engine.info.folder))

    @property
    def info(self) -> EngineInfo:
        """What runs, on which device, why there; `context` and `max_prompt` in tokens."""
        return self._assistant.engine.info

    def picture(self, source: ImageSource) -> Picture:
        """Read a picture for a `Message`, as this model sees it; one may be used many times.

        source: a path, the bytes of a file in PNG, JPEG, WebP or GIF, or a picture of Pillow's.
        Raises OvglmError: not readable, damaged, too large, or a model that reads text alone.
        """
        if self.info.vision is None:
            raise RequestError(f"{self.info.model} reads text alone", hint="ovglm models")
        return read_picture(Path(source) if isinstance(source, str) else source, self.info.vision)

    def chat(
        self,
        messages: Conversation,
        sampling: Sampling | None = None,
        *,
        tools: Tools = (),
        images: Images = (),
    ) -> Generated:
        """Answer a question, or the last of several messages, and wait for the whole answer.

        messages: one question, or `Message`s in their order. tools: function descriptions as in
        OpenAI's API, {"type": "function", "function": {"name": …, "parameters": {…}}}; what the
        model calls comes in `tool_calls`, and its result goes back as a Message of role "tool".
        images: that the last question is about, as `picture` takes them:
        `model.chat("What is this?", images=["photo.jpg"])`; to ask on, keep the messages, the
        first one with `pictures=(model.picture("photo.jpg"),)`.
        Raises OvglmError: a prompt that is too long, a model without a chat template, closed, and
        as `picture` does.

        >>> with ovglm.load("nano", "CPU", say=lambda text: None) as model:
        ...     system = ovglm.Message("system", "You are nano.")
        ...     question = ovglm.Message("user", "What is the capital of Japan?")
        ...     print(model.chat([system, question]))
        The capital of Japan is Tokyo.
        """
        return _read(self.stream(messages, sampling, tools=tools, images=images))

    async def achat(
        self,
        messages: Conversation,
        sampling: Sampling | None = None,
        *,
        tools: Tools = (),
        images: Images = (),
    ) -> Generated:
        """Answer as `chat` does, without blocking the event loop."""
        start = partial(self.stream, messages, sampling, tools=tools, images=images)
        return await _aread(await asyncio.to_thread(start))

    def stream(
        self,
        messages: Conversation,
        sampling: Sampling | None = None,
        *,
        tools: Tools = (),
        images: Images = (),
    ) -> Reply:
        """Answer as `chat` does, piece by piece: iterate with `for`, or with `async for`.

        Nothing runs before the first piece is asked for. `usage`, `finish_reason`, `thought` and
        `tool_calls` of the reply are set at its end; leaving early cancels it.

        >>> with ovglm.load("nano", "CPU", say=lambda text: None) as model:
        ...     for piece in model.stream("What is the capital of Italy?"):
        ...         print(piece, end="")
        The capital of Italy is Rome.
        >>> import asyncio
        >>> async def ask(model):
        ...     return [piece async for piece in model.stream("What is the capital of Italy?")]
        >>> with ovglm.load("nano", "CPU", say=lambda text: None) as model:
        ...     print("".join(asyncio.run(ask(model))))
        The capital of Italy is Rome.
        """
        self._require_open()
        asked = [Message("user", messages)] if isinstance(messages, str) else list(messages)
        if not asked:
            raise OvglmError("there is no message to answer", hint='model.chat("Hello")')
        if images:
            read = [one if isinstance(one, Picture) else self.picture(one) for one in images]
            asked[-1] = replace(asked[-1], pictures=(*asked[-1].pictures, *read))
        return self._assistant.reply_apart(asked, sampling or self.sampling, tools)

    def generate(self, prompt: str, sampling: Sampling | None = None) -> Generated:
        """Go on with a text as it stands, without turns; what a base model does.

        Raises OvglmError: a prompt that is too long, or a closed model.

        >>> with ovglm.load("nano", "CPU", say=lambda text: None) as model:
        ...     model.generate("1, 2, 3,", ovglm.Sampling(max_new_tokens=4)).usage.reply_tokens
        4
        """
        return _read(self._go_on(prompt, sampling))

    async def agenerate(self, prompt: str, sampling: Sampling | None = None) -> Generated:
        """Go on as `generate` does, without blocking the event loop."""
        return await _aread(self._go_on(prompt, sampling))

    def close(self) -> None:
        """End all answers and free the model. May be repeated."""
        self._is_closed = True
        self._assistant.engine.close()

    def __enter__(self) -> "LoadedModel":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> "LoadedModel":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _go_on(self, prompt: str, sampling: Sampling | None) -> Reply:
        self._require_open()
        return self._assistant.go_on(prompt, sampling or self.sampling)

    def _require_open(self) -> None:
        if self._is_closed:
            raise OvglmError(f"{self.info.model} is closed", hint="load it again: ovglm.load(…)")


def _read(reply: Reply) -> Generated:
    return _finish(reply, "".join(reply))


async def _aread(reply: Reply) -> Generated:
    return _finish(reply, "".join([piece async for piece in reply]))


def _finish(reply: Reply, text: str) -> Generated:
    assert reply.usage is not None and reply.finish_reason is not None
    return Generated(text, reply.thought, reply.tool_calls, reply.finish_reason, reply.usage)
