"""Whole answers to one prompt with everything that is known of them: several, log-probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from ovglm.assistant import Assistant
from ovglm.dialects import read_answer
from ovglm.messages import Chunk, FinishReason, Message, Sampling, Usage

__all__ = ["FullAnswer", "FullReply", "reply_in_full"]


@dataclass(frozen=True)
class FullAnswer:
    """One answer. `logprobs` holds one natural logarithm per token where they were asked for."""

    text: str
    finish_reason: FinishReason | None
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True)
class FullReply:
    """The answers to one prompt, and their figures together."""

    answers: tuple[FullAnswer, ...]
    usage: Usage


def reply_in_full(
    assistant: Assistant, messages: Sequence[Message], sampling: Sampling
) -> FullReply:
    """Wait for all `sampling.n` answers."""
    prompt = assistant.prompt(messages)
    start = perf_counter()
    chunks: list[Chunk] = []
    first_token_s = 0.0
    for chunk in prompt.submit(assistant.engine, sampling):
        if not first_token_s and chunk.token_ids:
            first_token_s = perf_counter() - start
        chunks.append(chunk)
    count = sum(len(chunk.token_ids) for chunk in chunks)
    read = prompt.count(assistant.engine)
    usage = Usage(read, count, first_token_s, perf_counter() - start)
    answers = (
        _join(assistant, [one for one in chunks if one.index == n]) for n in range(sampling.n)
    )
    return FullReply(tuple(answers), usage)


def _join(assistant: Assistant, chunks: Sequence[Chunk]) -> FullAnswer:
    text = "".join(chunk.text for chunk in chunks)
    return FullAnswer(
        text=read_answer(assistant.dialect.parser(), text).content,
        finish_reason=chunks[-1].finish_reason,
        token_ids=tuple(token for chunk in chunks for token in chunk.token_ids),
        logprobs=tuple(value for chunk in chunks for value in chunk.logprobs),
    )
