"""Writes documents as the model reads them: its own template, dialect and tokenizer."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ovglm.dialects import Dialect, dialect_for, guess_dialect
from ovglm.errors import OvglmError
from ovglm.messages import Message
from ovglm.template import ChatTemplate, encode_chat, find_template
from ovglm.tokens import Tokenizer
from ovglm_export.calibration.documents import Document

__all__ = ["Renderer"]

_ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
_END = "<|endoftext|>"
_LINE_START = re.compile(r"(?<=\n)(?=\S)")


@dataclass(frozen=True)
class Renderer:
    """One model's way to write; a base model, which has no template, writes the bare texts.

    config: the model's config.json.
    """

    tokenizer: Tokenizer
    template: ChatTemplate | None
    dialect: Dialect
    config: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "Renderer":
        """Read tokenizer.json, the chat template and config.json of a folder."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        source = find_template(folder)
        template = ChatTemplate.load(folder) if source else None
        dialect = dialect_for(guess_dialect(source, config))
        return cls(Tokenizer.load(folder), template, dialect, config)

    @cached_property
    def prefix(self) -> tuple[int, ...]:
        """The control tokens before the first turn, or before a base model's text."""
        if self.template is None:
            return self.tokenizer.prefix
        ids = self._chat([Message("user", "x")])
        roles = {self.tokenizer.token_id(role) for role in _ROLES}
        controls = {self.tokenizer.token_id(token) for token in self.tokenizer.controls}
        for place, token in enumerate(ids):
            if token in roles or token not in controls:
                return tuple(ids[:place])
        return ()

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """Give the ids of a conversation, with what the template puts before it."""
        if self.template is not None:
            return self._chat(messages)
        text = "\n".join(message.content for message in messages if message.content)
        return [*self.prefix, *self.tokenizer.encode(text + "\n\n", allow_special=False)]

    def pieces(self, document: Document) -> Iterator[list[int]]:
        """Give the ids of a document without the prefix, in pieces: a long text is made bit by bit.

        Raises OvglmError, which names the document, for a conversation that the model's template
        or dialect refuses.
        """
        if not document.messages:
            for part in _paragraphs(document.text):
                yield self.tokenizer.encode(part, allow_special=False)
            end = self.tokenizer.token_id(_END)
            yield [] if end is None else [end]
            return
        try:
            self.dialect.check_history(document.messages)
            ids = self.conversation(document.messages)
        except OvglmError as error:
            raise OvglmError(f"{document.where}: {error.message}", error.hint) from error
        yield ids[len(self.prefix) :]

    def check_length(self, sample_length: int) -> None:
        """Refuse samples that are longer than the model's context."""
        longest = self.config.get("max_position_embeddings") or self.config.get("seq_length")
        if isinstance(longest, int) and sample_length > longest:
            raise OvglmError(
                f"a sample of {sample_length} tokens is longer than the model's context of "
                f"{longest}",
                f"--sample-length {longest}",
            )

    def check_ids(self, samples: Iterable[Sequence[int]], source: str) -> None:
        """Refuse ids that the model does not have: its tokenizer belongs to another one."""
        size = self.config.get("padded_vocab_size") or self.config.get("vocab_size")
        highest = max(max(sample) for sample in samples)
        if isinstance(size, int) and highest >= size:
            raise OvglmError(
                f"the tokenizer does not match the model: it writes {source} with token id "
                f"{highest}, and the model's end at {size - 1}",
                "copy the checkpoint again, with its own tokenizer files",
            )

    def _chat(self, messages: Sequence[Message]) -> list[int]:
        assert self.template is not None  # asked before
        return encode_chat(
            self.template,
            self.tokenizer,
            self.dialect.render(messages),
            add_generation_prompt=False,
            tools=self.dialect.template_tools(messages),
        )


def _paragraphs(text: str) -> Iterator[str]:
    """Cut behind lines whose next one begins with no space: no token of GLM's reaches across."""
    start = 0
    for match in _LINE_START.finditer(text):
        yield text[start : match.start()]
        start = match.start()
    yield text[start:]
