"""An exported folder brought to life: messages in, pieces of text out. Knows no device's ways."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ovglm.devices.options import RuntimeOptions
from ovglm.dialects import Dialect, dialect_for, join_events
from ovglm.engine import Answer, Engine
from ovglm.errors import OvglmError
from ovglm.messages import FinishReason, Message, Sampling, Usage
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer

__all__ = ["Assistant", "Reply", "load_assistant"]


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
        template=ChatTemplate.load(folder),
        dialect=dialect_for(read_facts(folder).dialect),
        engine=load_engine(folder, device, options, say=say),
    )


@dataclass(frozen=True)
class Assistant:
    """An engine together with what it needs to hear and speak."""

    engine: Engine
    tokenizer: Tokenizer
    template: ChatTemplate
    dialect: Dialect

    @property
    def context_length(self) -> int:
        """The longest prompt and answer together, in tokens."""
        return self.engine.info.context

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Give the token ids that the model reads for `messages`."""
        return encode_chat(
            self.template,
            self.tokenizer,
            self.dialect.render(messages),
            tools=self.dialect.template_tools(messages),
        )

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> "Reply":
        """Start an answer to `messages`, no longer than the context has room for.

        Nothing runs before the first piece is asked for. Raises OvglmError for a prompt that is
        too long, and for more than one answer at a time.
        """
        if sampling.n > 1:
            raise OvglmError(f"a reply is one answer, not {sampling.n}", hint="ask several times")
        prompt_ids = self.encode(messages)
        info = self.engine.info
        longest = min(info.max_prompt, info.context - 1)
        if len(prompt_ids) > longest:
            raise OvglmError(
                f"the prompt has {len(prompt_ids)} tokens; the longest that {info.device} takes "
                f"has {longest}",
                hint="a shorter prompt, or a larger --context",
            )
        return Reply(self, prompt_ids, sampling)


class Reply:
    """One answer. Iterate it for the text; `usage` and `finish_reason` are set at its end."""

    def __init__(self, assistant: Assistant, prompt_ids: list[int], sampling: Sampling) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self._assistant = assistant
        self._prompt_ids = prompt_ids
        self._sampling = sampling
        self._answer: Answer | None = None

    def cancel(self) -> None:
        """End an answer under way; its figures are those up to here."""
        if self._answer:
            self._answer.cancel()

    def __iter__(self) -> Iterator[str]:
        """Yield the answer in pieces of whole characters."""
        parser = self._assistant.dialect.parser()
        start = perf_counter()
        first_token_s = 0.0
        count = 0
        self._answer = self._assistant.engine.submit(self._prompt_ids, self._sampling)
        for chunk in self._answer:
            if count == 0:
                first_token_s = perf_counter() - start
            count += len(chunk.token_ids)
            if chunk.finish_reason:
                self.finish_reason = chunk.finish_reason
                total_s = perf_counter() - start
                self.usage = Usage(len(self._prompt_ids), count, first_token_s, total_s)
            if piece := join_events(parser.push(chunk.text)).content:
                yield piece
        if piece := join_events(parser.finish()).content:
            yield piece
