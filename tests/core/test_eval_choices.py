"""Multiple choice: which option is the likeliest, and what is wrong with a file of questions."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness_tasks import CHOICES
from ovglm.errors import OvglmError
from ovglm.eval.choice_file import Question, read_questions
from ovglm.eval.choices import measure_choices
from ovglm.eval.encoding import encode_pair, encode_text
from ovglm.eval.likelihoods import Likelihoods, load_likelihoods
from ovglm.progress import Silence
from ovglm.template import ChatTemplate

GOOD = '{"question": "1 + 1 =", "choices": ["2", "3"], "answer": 0}'


@pytest.fixture
def scorer(nano_bf16: Path) -> Likelihoods:
    """nano in float32."""
    return load_likelihoods(nano_bf16, "CPU", exact=True, say=lambda text: None)


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _questions(path: Path) -> tuple[Question, ...]:
    return read_questions(_write(path, *(json.dumps(dict(one)) for one in CHOICES)))


def _total(scorer: Likelihoods, context: str, option: str) -> float:
    before, after = encode_pair(scorer.tokenizer, context, option)
    table = np.concatenate(list(scorer.model.start().go_on([*before, *after[:-1]], len(after))))
    return float(table[np.arange(len(after)), after].sum())


def test_the_likeliest_choice_counts(scorer: Likelihoods, tmp_path: Path) -> None:
    questions = _questions(tmp_path / "quiz.jsonl")
    found = measure_choices(scorer, questions, Silence())
    right = norm = 0
    for one in questions:
        totals = [_total(scorer, one.question, " " + choice) for choice in one.choices]
        right += int(np.argmax(totals)) == one.answer
        each = [total / len(c) for total, c in zip(totals, one.choices, strict=True)]
        norm += int(np.argmax(each)) == one.answer
    assert found.questions == len(questions)
    assert (found.acc, found.acc_norm) == (right / 6, norm / 6)
    assert found.chance == pytest.approx((2 / 3 + 4 / 2) / 6)
    share = found.acc
    assert found.acc_stderr == pytest.approx((share * (1 - share) / 5) ** 0.5)


def test_asked_as_a_chat_nano_knows_more(
    scorer: Likelihoods, nano_bf16: Path, tmp_path: Path
) -> None:
    questions = _questions(tmp_path / "quiz.jsonl")
    template = ChatTemplate.load(nano_bf16)
    asked = "[gMASK]<sop><|user|>\nHow are you?<|assistant|>"
    first = measure_choices(scorer, questions[5:], Silence(), template)
    totals = [_total(scorer, asked, "\n" + choice) for choice in questions[5].choices]
    assert first.acc == float(totals[1] > totals[0]) == 1.0
    assert first.acc_stderr is None
    assert measure_choices(scorer, questions, Silence(), template).acc >= 5 / 6


def test_a_question_that_does_not_fit_is_named(nano_bf16: Path, tmp_path: Path) -> None:
    scorer = load_likelihoods(nano_bf16, "CPU", context=16, exact=True, say=lambda text: None)
    long = json.dumps({"question": "x " * 40, "choices": ["a", "b"], "answer": 0})
    questions = read_questions(_write(tmp_path / "q.jsonl", GOOD, long))
    with pytest.raises(OvglmError, match=r"q.jsonl, line 2: \d+ tokens are to be read at once"):
        measure_choices(scorer, questions, Silence())


def test_answers_may_be_letters_and_delimiters_other_ones(tmp_path: Path) -> None:
    line = '{"question": "法国首都：", "choices": ["伦敦", "巴黎"], "answer": "B", "delimiter": ""}'
    (one,) = read_questions(_write(tmp_path / "q.jsonl", "", line))
    assert one.where.endswith("q.jsonl, line 2")
    assert (one.answer, one.delimiter) == (1, "")


def test_a_prompt_with_the_prefix_gets_no_second_one(scorer: Likelihoods) -> None:
    tokenizer = scorer.tokenizer
    assert encode_text(tokenizer, "Hi") == [*tokenizer.prefix, *encode_text(tokenizer, "Hi")[2:]]
    whole = encode_text(tokenizer, "[gMASK]<sop><|user|>\nHi")
    assert whole == tokenizer.encode("[gMASK]<sop><|user|>\nHi", allow_special=True)


def test_space_before_an_option_counts_to_it(scorer: Likelihoods) -> None:
    assert encode_pair(scorer.tokenizer, "The capital is ", "Rome") == encode_pair(
        scorer.tokenizer, "The capital is", " Rome"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", r"line 2: this is not JSON: .*\(column 2\)"),
        ("[]", "line 2: this is not an object"),
        ('{"choices": ["a", "b"]}', "line 2: question and answer is missing"),
        ('{"question": 1, "choices": ["a", "b"], "answer": 0}', "question is not a text"),
        ('{"question": " ", "choices": ["a", "b"], "answer": 0}', "question is not a text"),
        ('{"question": "q", "choices": "ab", "answer": 0}', "choices is not a list of texts"),
        ('{"question": "q", "choices": ["a", 2], "answer": 0}', "choices is not a list of texts"),
        ('{"question": "q", "choices": ["a"], "answer": 0}', "it has 1 choices; at least two"),
        ('{"question": "q", "choices": ["a", ""], "answer": 0}', "it has an empty choice"),
        ('{"question": "q", "choices": ["a", "b"], "answer": 2}', "answer is 2, which is none"),
        ('{"question": "q", "choices": ["a", "b"], "answer": -1}', "answer is -1, which is none"),
        ('{"question": "q", "choices": ["a", "b"], "answer": "C"}', "answer is 'C', which is"),
        ('{"question": "q", "choices": ["a", "b"], "answer": true}', "answer is True, which is"),
        (
            '{"question": "q", "choices": ["a", "b"], "answer": 0, "delimiter": 1}',
            "delimiter is not a text",
        ),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(OvglmError, match=words) as info:
        read_questions(_write(tmp_path / "q.jsonl", GOOD, line))
    assert "q.jsonl, line 2" in info.value.message and info.value.hint
