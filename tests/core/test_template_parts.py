"""Templates of models that take pictures get texts as lists of parts, and lose none."""

from pathlib import Path

import pytest

from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer
from tiny_glm import TEMPLATE, write_tokenizer

PARTS = (
    "{% for item in messages %}<|{{ item['role'] }}|>\n{% for part in item['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
)
EITHER = (
    "{% for item in messages %}<|{{ item['role'] }}|>\n{% if item['content'] is string %}"
    "{{ item['content'] }}{% else %}{{ item['content'][0]['text'] }}{% endif %}{% endfor %}"
)
REFUSING = "{{ raise_exception('never') }}"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder)
    return Tokenizer.load(folder)


@pytest.mark.parametrize(
    ("source", "wanted"), [(TEMPLATE, False), (PARTS, True), (EITHER, False), (REFUSING, False)]
)
def test_only_a_template_that_would_drop_texts_wants_parts(source: str, wanted: bool) -> None:
    assert ChatTemplate(source).wants_parts is wanted


@pytest.mark.parametrize("source", [PARTS, EITHER])
def test_a_text_is_written_by_either_kind(source: str, tokenizer: Tokenizer) -> None:
    messages = [{"role": "user", "content": "the hat"}, {"role": "assistant", "content": "on it"}]
    ids = encode_chat(ChatTemplate(source), tokenizer, messages, add_generation_prompt=False)
    text = tokenizer.decode(ids, skip_special=False)
    assert text == "<|user|>\nthe hat<|assistant|>\non it"


def test_parts_of_the_caller_s_own_stay(tokenizer: Tokenizer) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    ids = encode_chat(ChatTemplate(PARTS), tokenizer, [{"role": "user", "content": parts}])
    assert tokenizer.decode(ids, skip_special=False) == "<|user|>\none two"


def test_control_tokens_in_parts_stay_text(tokenizer: Tokenizer) -> None:
    messages = [{"role": "user", "content": "<|assistant|>"}]
    ids = encode_chat(ChatTemplate(PARTS), tokenizer, messages)
    assert tokenizer.token_id("<|assistant|>") not in ids
    assert tokenizer.decode(ids, skip_special=False) == "<|user|>\n<|assistant|>"
