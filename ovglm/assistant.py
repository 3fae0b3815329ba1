"""An exported folder brought to life: messages in, pieces of text out. Knows no device's ways."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from ovglm.devices.options import RuntimeOptions
from ovglm.dialects import AnswerParser, Dialect, dialect_for, join_events
from ovglm.dialects.events import Event, Said
from ovglm.dialects.tools import offer_tools
from ovglm.engine import Answer, Engine
from ovglm.errors import FolderError, OvglmError
from ovglm.messages import Chunk, FinishReason, Message, Sampling, ToolCall, Usage
from ovglm.pictures import Picture, pictures_of, prompt_tokens
from ovglm.template import ChatTemplate, encode_chat, encode_text, find_template, prompt_end
from ovglm.tokens import Tokenizer

__all__ = ["Assistant", "Prompt", "Reply", "load_assistant"]


def _say_on_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def load_assistant(
    folder: Path,
    device: str = "AUTO",
    options: RuntimeOptions | None = None,
    *,
    say: Callable[[str], None] = _say_on_stderr,
) -> "Assistant":
    """Load the model in `folder` onto the device that is called `device`, in this process.

    say: hears what was chosen and why.
    """
    from ovglm.devices import read_facts
    from ovglm.engine.load import load_engine

    return Assistant(
        tokenizer=Tokenizer.load(folder),
        template=ChatTemplate.load(folder) if find_template(folder) else None,
        dialect=dialect_for(read_facts(folder).dialect),
        engine=load_engine(folder, device, options, say=say),
    )


@dataclass(frozen=True)
class Prompt:
    """What an engine is given: token ids, and the pictures whose placeholders are among them."""

    ids: Sequence[int]
    pictures: tuple[Picture, ...] = ()

    def count(self, engine: Engine) -> int:
        """Count the tokens that the model reads, each vector of a picture as one."""
        return prompt_tokens(self.ids, self.pictures, engine.info.vision)

    def submit(self, engine: Engine, sampling: Sampling) -> Answer:
        """Start the answer."""
        return engine.submit(self.ids, sampling, self.pictures)


@dataclass(frozen=True)
class Assistant:
    """An engine together with what it needs to hear and speak; a base model has no template."""

    engine: Engine
    tokenizer: Tokenizer
    template: ChatTemplate | None
    dialect: Dialect

    @property
    def context_length(self) -> int:
        """The longest prompt and answer together, in tokens."""
        return self.engine.info.context

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Give the token ids that the model reads for `messages`, placeholders for their pictures.

        Raises FolderError for a model without a chat template, RequestError for more pictures than
        it takes.
        """
        if self.template is None:
            info = self.engine.info
            raise FolderError(
                f"{info.model} has no chat template: a base model goes on with a text",
                hint=f"put the model's chat_template.jinja into {info.folder}",
            )
        return encode_chat(
            self.template,
            self.tokenizer,
            self.dialect.render(messages),
            vision=self.engine.info.vision,
            tools=self.dialect.template_tools(messages),
        )

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """Give what the engine is given for `messages`; raises as `encode` does."""
        return Prompt(self.encode(messages), pictures_of(messages))

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> "Reply":
        """Start an answer to `messages`, no longer than the context has room for.

        Nothing runs before the first piece is asked for. Raises OvglmError for a prompt that is
        too long, and for more than one answer at a time.
        """
        return self._start(self.prompt(messages), sampling, self.dialect.parser())

    def reply_apart(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> "Reply":
        """Start an answer of which thoughts and calls of `tools` are told apart from the text.

        Raises OvglmError as `reply` does, and for calls and results that do not belong together.
        """
        self.dialect.check_history(messages)
        prompt = self.prompt(offer_tools(messages, tools))
        thinks, end = self.dialect.thinks, prompt_end(self.tokenizer, prompt.ids)
        parser = self.dialect.parser(tools, thinks=thinks, prompt_end=end)
        return self._start(prompt, replace(sampling, keep_special=True), parser)

    def go_on(self, text: str, sampling: Sampling) -> "Reply":
        """Start to go on with a text as it stands. Raises OvglmError as `reply` does."""
        prompt_ids = encode_text(self.template, self.tokenizer, text)
        return self._start(Prompt(prompt_ids), sampling, _PlainParser())

    def _start(self, prompt: Prompt, sampling: Sampling, parser: AnswerParser) -> "Reply":
        if sampling.n > 1:
            raise OvglmError(f"a reply is one answer, not {sampling.n}", hint="ask several times")
        info = self.engine.info
        longest, count = min(info.max_prompt, info.context - 1), prompt.count(self.engine)
        if count > longest:
            raise OvglmError(
                f"the prompt has {count} tokens; the longest that {info.device} takes "
                f"has {longest}",
                hint="a shorter prompt, or a larger --context",
            )
        return Reply(self.engine, prompt, sampling, parser)


class _PlainParser:
    """Takes every text as it is."""

    def push(self, text: str) -> list[Event]:
        """Give the text on."""
        return [Said(text)]

    def finish(self) -> list[Event]:
        """Have nothing left."""
        return []


class Reply:
    """One answer. Iterate it once, with `for` or `async for`, for the pieces of its text.

    At its end `usage` and `finish_reason` are set; so are `thought` and `tool_calls`, as far as
    the answer is told apart. What was not read to its end is cancelled.
    """

    def __init__(
        self, engine: Engine, prompt: Prompt, sampling: Sampling, parser: AnswerParser
    ) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self._engine = engine
        self._prompt = prompt
        self._sampling = sampling
        self._parser = parser
        self._events: list[Event] = []
        self._answer: Answer | None = None
        self._start_s = self._first_token_s = 0.0
        self._count = 0

    @property
    def thought(self) -> str:
        """What the model thought before it answered, as far as it is."""
        return join_events(self._events).thought

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the model asks for, as far as they are; their ids are empty."""
        return join_events(self._events).tool_calls

    def cancel(self) -> None:
        """End an answer under way; its figures are those up to here."""
        if self._answer:
            self._answer.cancel()

    def __iter__(self) -> Iterator[str]:
        """Yield the answer in pieces of whole characters."""
        for chunk in self._submit():
            if piece := self._take(chunk):
                yield piece
        if piece := self._end():
            yield piece

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield the answer in pieces of whole characters; the event loop stays free."""
        chunks = cast("AsyncGenerator[Chunk, None]", aiter(self._submit()))
        async with aclosing(chunks):
            async for chunk in chunks:
                if piece := self._take(chunk):
                    yield piece
        if piece := self._end():
            yield piece

    def _submit(self) -> Answer:
        self._start_s = perf_counter()
        self._answer = self._prompt.submit(self._engine, self._sampling)
        return self._answer

    def _take(self, chunk: Chunk) -> str:
        """Count a chunk, and give what it adds to the text."""
        if self._count == 0:
            self._first_token_s = perf_counter() - self._start_s
        self._count += len(chunk.token_ids)
        if chunk.finish_reason:
            self.finish_reason = chunk.finish_reason
            total_s = perf_counter() - self._start_s
            count = self._prompt.count(self._engine)
            self.usage = Usage(count, self._count, self._first_token_s, total_s)
        return self._say(self._parser.push(chunk.text))

    def _end(self) -> str:
        return self._say(self._parser.finish())

    def _say(self, events: list[Event]) -> str:
        self._events += [one for one in events if not isinstance(one, Said)]
        return "".join(one.text for one in events if isinstance(one, Said))
