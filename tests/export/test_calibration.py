"""Calibration samples: the built-in texts and a user's, as the model itself would read them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ovglm.errors import OvglmError
from ovglm.nano import checkpoint_folder
from ovglm.template import ChatTemplate, encode_chat
from ovglm.tokens import Tokenizer
from ovglm_export.calibration import BUILTIN, check_calibration, load_calibration
from tiny_glm import write_checkpoint, write_json

EDGE = (
    "{% for item in messages %}<|{{ item['role'] }}|>\n{{ item['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
TOOLS_BESIDE = (
    "[gMASK]<sop>{%- if tools -%}<|system|>\n# 可用工具{% for tool in tools %}"
    "{{ tool['function'] | tojson(indent=4, ensure_ascii=False) }}{% endfor %}{%- endif -%}"
    "{% for item in messages %}<|{{ item['role'] }}|>{{ item['metadata'] }}\n"
    "{{ item['content'] }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MESSAGES = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "Hello!"}]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A checkpoint of 278 tokens and a context of 512."""
    return write_checkpoint(tmp_path / "tiny")


def _set_template(folder: Path, template: str | None) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    write_json(folder / "tokenizer_config.json", {**config, "chat_template": template})


def _write_lines(path: Path, *records: Any) -> str:
    lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in records)
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def test_builtin_samples_have_the_asked_number_and_length_and_all_differ() -> None:
    samples = load_calibration(BUILTIN, checkpoint_folder(), 128, 512)
    assert Counter(map(len, samples)) == {512: 128}
    assert len(set(samples)) == 128


def test_equal_calls_give_equal_samples_and_more_of_them_begin_alike() -> None:
    few = load_calibration(BUILTIN, checkpoint_folder(), 8, 200)
    assert few == load_calibration(BUILTIN, checkpoint_folder(), 8, 200)
    assert few == load_calibration(BUILTIN, checkpoint_folder(), 16, 200)[:8]


def test_builtin_samples_begin_and_speak_as_the_models_prompts() -> None:
    tokenizer = Tokenizer.load(checkpoint_folder())
    samples = load_calibration(BUILTIN, checkpoint_folder(), 32, 512)
    texts = [tokenizer.decode(sample, skip_special=False) for sample in samples]
    assert all(
        text.startswith(("[gMASK]<sop><|user|>", "[gMASK]<sop><|system|>")) for text in texts
    )
    whole = "".join(texts)
    assert "<|assistant|>\n" in whole
    # a call of GLM-4 is a line with the function's name, and a result is an observation
    assert "<|observation|>" in whole and "<|assistant|>evaluate\n{" in whole


def test_any_thirty_two_samples_hold_all_kinds_in_both_languages() -> None:
    tokenizer = Tokenizer.load(checkpoint_folder())
    samples = load_calibration(BUILTIN, checkpoint_folder(), 32, 512)
    text = "".join(tokenizer.decode(sample) for sample in samples)
    seen = set()
    for one in check_calibration(BUILTIN):
        if one.messages[-2 if one.messages[-1].role == "assistant" else -1].content in text:
            seen.add((one.kind, one.language))
    kinds = ("prose", "dialogue", "tasks", "code", "arithmetic", "tools", "brief")
    assert seen == {(kind, language) for kind in kinds for language in ("en", "zh")}


@pytest.mark.parametrize("template", [EDGE, TOOLS_BESIDE, None])
def test_builtin_speaks_every_dialect(tiny: Path, template: str | None) -> None:
    _set_template(tiny, template)
    samples = load_calibration(BUILTIN, tiny, 40, 512)
    assert Counter(map(len, samples)) == {512: 40}
    tokenizer = Tokenizer.load(tiny)
    text = "".join(tokenizer.decode(sample, skip_special=False) for sample in samples)
    assert ("<|user|>" in text) == (template is not None)
    assert ("<tool_call>" in text) == (template == EDGE)
    assert text.startswith("[gMASK]<sop>") == (template != EDGE)


def test_conversations_of_a_file_are_packed_behind_the_prefix(tmp_path: Path) -> None:
    nano = checkpoint_folder()
    file = _write_lines(tmp_path / "chat.jsonl", *[{"messages": MESSAGES}] * 9)
    samples = load_calibration(file, nano, 3, 20)
    tokenizer = Tokenizer.load(nano)
    turns = [{"role": one["role"], "content": one["content"]} for one in MESSAGES]
    ids = encode_chat(ChatTemplate.load(nano), tokenizer, turns, add_generation_prompt=False)
    prefix, body = ids[:2], ids[2:] * 9
    assert samples == tuple((*prefix, *body[at * 18 : at * 18 + 18]) for at in range(3))


def test_a_text_is_cut_where_its_tokens_are_not(tmp_path: Path) -> None:
    text = "One line.\n\n  Another one,\nwith  spaces \n你好\n" * 40
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    tokenizer = Tokenizer.load(checkpoint_folder())
    whole = tokenizer.encode(text, allow_special=False)
    samples = load_calibration(str(tmp_path / "text.txt"), checkpoint_folder(), 5, 66)
    assert [token for sample in samples for token in sample[2:]] == whole[: 5 * 64]


def test_texts_in_lines_are_parted_by_the_end_of_text(tmp_path: Path) -> None:
    file = _write_lines(tmp_path / "t.jsonl", {"text": "a b c"}, {"text": "d <|user|> e", "id": 7})
    (sample,) = load_calibration(file, checkpoint_folder(), 1, 14)
    tokenizer = Tokenizer.load(checkpoint_folder())
    text = tokenizer.decode(sample, skip_special=False)
    assert text.startswith("[gMASK]<sop>a b c<|endoftext|>d <|")
    assert tokenizer.token_id("<|user|>") not in sample


def test_tools_of_a_line_reach_the_prompt(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "dice", "parameters": {"type": "object"}}}]
    call = {"id": "c1", "type": "function", "function": {"name": "dice", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Roll."}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "4", "tool_call_id": "c1"},
        {"role": "assistant", "content": "A four."},
    ]
    file = _write_lines(tmp_path / "t.jsonl", {"messages": messages, "tools": tools})
    (sample,) = load_calibration(file, checkpoint_folder(), 1, 100)
    text = Tokenizer.load(checkpoint_folder()).decode(sample, skip_special=False)
    assert "# 可用工具" in text and '"name": "dice"' in text
    assert "<|system|>\nBe brief." in text and "<|assistant|>dice\n{}" in text


def test_too_little_text_is_refused_with_what_there_is(tmp_path: Path) -> None:
    file = _write_lines(tmp_path / "chat.jsonl", *[{"messages": MESSAGES}] * 9)
    with pytest.raises(
        OvglmError, match=r"has text for \d+ samples of 20 tokens; 64 of 20"
    ) as info:
        load_calibration(file, checkpoint_folder(), 64, 20)
    assert info.value.hint is not None
    found = int(info.value.hint.split()[1].rstrip(","))
    assert len(load_calibration(file, checkpoint_folder(), found, 20)) == found


def test_less_than_one_sample_says_how_long_it_may_be(tmp_path: Path) -> None:
    file = _write_lines(tmp_path / "chat.jsonl", {"messages": MESSAGES})
    with pytest.raises(OvglmError, match=r"has text for one sample of 1\d tokens") as info:
        load_calibration(file, checkpoint_folder(), 8, 512)
    assert info.value.hint is not None
    length = int(info.value.hint.split()[3].rstrip(","))
    assert len(load_calibration(file, checkpoint_folder(), 1, length)[0]) == length


def test_a_tokenizer_of_another_model_is_refused(tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text("utf-8"))
    write_json(tiny / "config.json", {**config, "vocab_size": 260})
    with pytest.raises(OvglmError, match=r"tokenizer does not match .* end at 259"):
        load_calibration(BUILTIN, tiny, 4, 64)


@pytest.mark.parametrize(
    ("samples", "length", "words"),
    [
        (0, 64, "the number of samples is 0"),
        (4, 0, "the sample length is 0"),
        (4, 513, "513 tokens is longer than the model's context of 512"),
    ],
)
def test_impossible_sizes_are_refused(tiny: Path, samples: int, length: int, words: str) -> None:
    with pytest.raises(OvglmError, match=words):
        load_calibration(BUILTIN, tiny, samples, length)
