"""An exported folder brought to life: messages in, pieces of text out. Knows no device's ways."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from ovglm.dialects import Dialect, dialect_for
from ovglm.engine import Engine, load_paged_engine
from ovglm.errors import OvglmError
from ovglm.manifest import read_manifest
from ovglm.messages import FinishReason, Message, Sampling, Usage
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import TextStream, Tokenizer

__all__ = ["Assistant", "Reply", "load_assistant"]


def load_assistant(folder: Path, device: str) -> "Assistant":
    """Load the exported model in `folder` onto `device`."""
    manifest = read_manifest(folder)
    return Assistant(
        engine=load_paged_engine(folder, device, manifest.stop_ids),
        tokenizer=Tokenizer.load(folder),
        template=ChatTemplate.load(folder),
        dialect=dialect_for(manifest.dialect),
        context_length=manifest.context_length,
    )


@dataclass(frozen=True)
class Assistant:
    """An engine together with what it needs to hear and speak; `context_length` is in tokens."""

    engine: Engine
    tokenizer: Tokenizer
    template: ChatTemplate
    dialect: Dialect
    context_length: int

    def reply(self, messages: Sequence[Message], sampling: Sampling) -> "Reply":
        """Start an answer to `messages`, no longer than the context has room for.

        Nothing runs before the first piece is asked for.
        """
        prompt_ids = encode_chat(
            self.template,
            self.tokenizer,
            self.dialect.render(messages),
            tools=self.dialect.template_tools(messages),
        )
        room = self.context_length - len(prompt_ids)
        if room <= 0:
            raise OvglmError(
                f"the prompt has {len(prompt_ids)} tokens and the model's context "
                f"{self.context_length}",
                hint="a shorter prompt",
            )
        most = min(sampling.max_new_tokens, room)
        return Reply(self, prompt_ids, replace(sampling, max_new_tokens=most))


class Reply:
    """One answer. Iterate it for the text; `usage` and `finish_reason` are set at its end."""

    def __init__(self, assistant: Assistant, prompt_ids: list[int], sampling: Sampling) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self._assistant = assistant
        self._prompt_ids = prompt_ids
        self._sampling = sampling

    def __iter__(self) -> Iterator[str]:
        """Yield the answer in pieces of whole characters."""
        text = TextStream(self._assistant.tokenizer)
        cleaner = self._assistant.dialect.cleaner()
        for token_id in self._count_tokens():
            if piece := cleaner.push(text.push(token_id)):
                yield piece
        if rest := cleaner.push(text.flush()):
            yield rest

    def _count_tokens(self) -> Iterator[int]:
        start = perf_counter()
        first_token_s = 0.0
        count = 0
        for chunk in self._assistant.engine.generate(self._prompt_ids, self._sampling):
            if count == 0:
                first_token_s = perf_counter() - start
            count += len(chunk.token_ids)
            yield from chunk.token_ids
            self.finish_reason = chunk.finish_reason
        total_s = perf_counter() - start
        self.usage = Usage(len(self._prompt_ids), count, first_token_s, total_s)
