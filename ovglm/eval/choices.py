"""Multiple choice by log-likelihood, with the rules of lm-evaluation-harness."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ovglm.dialects import Dialect, dialect_for
from ovglm.errors import OvglmError
from ovglm.eval.choice_file import Question
from ovglm.eval.encoding import encode_pair
from ovglm.eval.likelihoods import Likelihoods
from ovglm.messages import Message
from ovglm.progress import Progress
from ovglm.template import ChatTemplate

__all__ = ["Choices", "measure_choices"]


@dataclass(frozen=True)
class Choices:
    """How often the right choice was the likeliest.

    acc: by log p of a choice. acc_norm: by log p divided by the choice's length in characters.
    chance: what guessing would get. The errors are standard errors of the mean, None for one
    question.
    """

    questions: int
    acc: float
    acc_norm: float
    acc_stderr: float | None
    acc_norm_stderr: float | None
    chance: float


def measure_choices(
    likelihoods: Likelihoods,
    questions: Sequence[Question],
    progress: Progress,
    template: ChatTemplate | None = None,
) -> Choices:
    """Answer each question with its likeliest choice.

    template: ask as a chat, the question as the user's message and the choice as the answer; else
    the choice follows the question's text as lm-evaluation-harness puts it. Raises OvglmError,
    which names the line, for a question that the model cannot read at once.
    """
    progress.stage("choices", len(questions))
    right: list[bool] = []
    right_norm: list[bool] = []
    for question in questions:
        try:
            logprobs = _score(likelihoods, question, template)
        except OvglmError as error:
            raise OvglmError(f"{question.where}: {error.message}", error.hint) from error
        lengths = np.array([len(choice) for choice in question.choices])
        right.append(int(np.argmax(logprobs)) == question.answer)
        right_norm.append(int(np.argmax(logprobs / lengths)) == question.answer)
        progress.advance()
    return Choices(
        questions=len(questions),
        acc=sum(right) / len(right),
        acc_norm=sum(right_norm) / len(right),
        acc_stderr=_stderr(right),
        acc_norm_stderr=_stderr(right_norm),
        chance=sum(1 / len(one.choices) for one in questions) / len(questions),
    )


def _score(
    likelihoods: Likelihoods, question: Question, template: ChatTemplate | None
) -> np.ndarray:
    """Give the log-probability of each choice."""
    tokenizer = likelihoods.tokenizer
    if template is None:
        texts = [question.delimiter + choice for choice in question.choices]
        asked = question.question
    else:
        asked, texts = _as_chat(question, template, dialect_for(likelihoods.dialect))
    pairs = [encode_pair(tokenizer, asked, text) for text in texts]
    # the cut may fall elsewhere where a choice's first letters join the question's last
    contexts = {tuple(before) for before, _ in pairs}
    if len(contexts) == 1:
        scores = likelihoods.options(pairs[0][0], [option for _, option in pairs])
    else:
        scores = [likelihoods.options(before, [option])[0] for before, option in pairs]
    return np.array([one.total for one in scores])


def _as_chat(question: Question, template: ChatTemplate, dialect: Dialect) -> tuple[str, list[str]]:
    """Give the prompt that asks the question, and each choice as the template writes an answer."""
    user = Message("user", question.question)
    asked = template.render(dialect.render([user]))
    wholes = [
        template.render(dialect.render([user, Message("assistant", choice)]), False)
        for choice in question.choices
    ]
    if not all(whole.startswith(asked) for whole in wholes):
        raise OvglmError("the chat template does not go on from its own prompt", "leave out --chat")
    return asked, [whole[len(asked) :] for whole in wholes]


def _stderr(right: Sequence[bool]) -> float | None:
    """Give the standard error of a share; none can be told from one question."""
    count = len(right)
    share = sum(right) / count
    return math.sqrt(share * (1 - share) / (count - 1)) if count > 1 else None
